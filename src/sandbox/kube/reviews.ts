import * as v from 'valibot';
import type { Authorizer, Identity } from './rbac.ts';
import { badRequest } from './status.ts';

const text = v.optional(v.string(), '');

const accessReview = v.object({
  spec: v.object({
    resourceAttributes: v.optional(
      v.object({
        namespace: text,
        verb: text,
        group: text,
        version: text,
        resource: text,
        subresource: text,
        name: text,
      }),
    ),
    nonResourceAttributes: v.optional(v.object({ path: text, verb: text })),
  }),
});

const rulesReview = v.object({ spec: v.object({ namespace: text }) });

const parsed = <T extends v.GenericSchema>(schema: T, body: unknown): v.InferOutput<T> => {
  const result = v.safeParse(schema, body);
  if (!result.success) throw badRequest(`the body of the request is not a review: ${result.issues[0].message}`);
  return result.output;
};

/** Answers a SelfSubjectAccessReview: may the caller do this? */
export function accessReviewAnswer(authorizer: Authorizer, identity: Identity, body: unknown): object {
  const { spec } = parsed(accessReview, body);
  const none = { group: '', resource: '', subresource: '', namespace: '', name: '' };
  const wanted = spec.resourceAttributes ?? (spec.nonResourceAttributes && { ...none, ...spec.nonResourceAttributes });
  if (!wanted) throw badRequest('exactly one of nonResourceAttributes or resourceAttributes must be specified');
  const { allowed, reason } = authorizer.decide(identity, wanted);
  return {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec,
    status: { allowed, ...(reason && { reason }) },
  };
}

/** Answers a SelfSubjectRulesReview: everything that the caller may do in a namespace. */
export function rulesReviewAnswer(authorizer: Authorizer, identity: Identity, body: unknown): object {
  const { spec } = parsed(rulesReview, body);
  const rules = authorizer.rules(identity, spec.namespace);
  return {
    kind: 'SelfSubjectRulesReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec: {},
    status: {
      resourceRules: rules
        .filter(each => each.resources.length > 0)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          apiGroups,
          resources,
          ...(resourceNames.length > 0 && { resourceNames }),
        })),
      nonResourceRules: rules
        .filter(each => each.nonResourceURLs.length > 0)
        .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: false,
    },
  };
}
