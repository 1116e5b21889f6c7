import { EntraError } from './errors.ts';

/** Id of the one conditional-access policy of this tenant, as its claims challenge names it. */
export const POLICY_ID = 'e1b7f2c4-93a5-4d08-8c6e-2f5a7b9d0c13';
export const CHALLENGE = JSON.stringify({ access_token: { capolids: { essential: true, values: [POLICY_ID] } } });

/** Numbers with which Entra asks for the person; with each comes a claims challenge. */
const CHALLENGED = [50072, 50074, 50076, 50078, 50079, 50158];

/** The refusal that a scripted fault stands for. */
export function scripted(code: number, values: readonly string[] = []): EntraError {
  return new EntraError(code, values, CHALLENGED.includes(code) ? { claims: CHALLENGE } : {});
}
