#!/bin/sh
# Deploys agents and gateway. Needs kubectl, and rights to create what base/ lists; may be run again at any time.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh source-path=SCRIPTDIR
. "$here/env.sh"

usage() {
  cat >&2 <<'END'
Usage: deploy.sh [options]
  --env FILE       what to deploy (default: .env beside this script; env.example explains it)
  --overlay NAME   kind or aks (default: base as it is)
  --debug          also turn the gateway's administration port on
  --context NAME   the kubeconfig context (default: the current one)
  --dry-run        print the manifests and touch no cluster
  --yes            do not ask
END
}

fail() {
  say "$*"
  exit 1
}

misused() {
  say "$*"
  usage
  exit 2
}

file=$here/.env
overlay=base
debug=''
context=''
dry_run=''
yes=''
failed=''
while [ $# -gt 0 ]; do
  case $1 in
    --env | --overlay | --context) [ $# -gt 1 ] || misused "$1 needs a value." ;;
  esac
  case $1 in
    --env) file=$2; shift ;;
    --overlay) overlay=overlays/$2; shift ;;
    --context) context=$2; shift ;;
    --debug) debug=1 ;;
    --dry-run) dry_run=1 ;;
    --yes) yes=1 ;;
    --help | -h) usage; exit 0 ;;
    *) misused "There is no option $1." ;;
  esac
  shift
done
case $overlay in
  base | overlays/kind | overlays/aks) ;;
  *) misused "There is no overlay ${overlay#overlays/}." ;;
esac

[ -f "$file" ] || fail "There is no $file. npm run tenant -- setup writes it, with the ids of what it makes in Entra (docs/setup-tenant.md); or copy env.example to .env and fill it in."
command -v kubectl >/dev/null || fail 'kubectl is not on the PATH. Install it, then run this again.'
load_env "$file" "$here/base"
[ -z "$problems" ] || fail "$file can not be deployed as it is:$problems"

# Everything is rendered into a folder of its own, then put together by kustomize, which kubectl has built in. The other
# way round, kustomize would take the quotes off "${VAR}", and a value such as 2024-10-21 would be a date.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

render() { "$here/render.sh" <"$here/$1" || fail "That is in $here/$1."; }

# A changed hash in the annotation of a pod template is what restarts the pods.
hash_of() { render "base/$1" | cksum | cut -d ' ' -f 1; }
SIDECAR_CONFIG_HASH=$(hash_of sidecar-config.yaml)
GATEWAY_CONFIG_HASH=$(hash_of agentgateway-config.yaml)
export SIDECAR_CONFIG_HASH GATEWAY_CONFIG_HASH

wanted=''
for name in $agents; do wanted="$wanted $(agent_of "$name")"; done
left_out=''
# shellcheck disable=SC2043 # globs: more than one
for path in $(cd "$here" && echo base/*.yaml overlays/*/*.yaml examples/role-binding.yaml); do
  case $path in
    base/*-agent.yaml)
      agent=$(basename "$path" .yaml)
      case "$wanted " in
        *" $agent "*) ;;
        *) left_out="$left_out $agent"; continue ;;
      esac
      ;;
    examples/*) [ -n "$(value DEVELOPER)" ] || continue ;;
  esac
  mkdir -p "$work/$(dirname "$path")"
  render "$path" >"$work/$path"
done
for agent in $left_out; do
  sed "/^ *- $agent\.yaml\$/d" "$work/base/kustomization.yaml" >"$work/list"
  mv "$work/list" "$work/base/kustomization.yaml"
done
for agent in $wanted; do
  grep -q "^ *- $agent\.yaml\$" "$work/base/kustomization.yaml" || fail "base/$agent.yaml is not in the list of base/kustomization.yaml. Add it there."
done
{
  printf 'resources:\n  - %s\n' "$overlay"
  [ -z "$(value DEVELOPER)" ] || printf '  - examples/role-binding.yaml\n'
  [ -z "$debug" ] || printf 'components:\n  - overlays/debug\n'
} >"$work/kustomization.yaml"
# Its errors name files in a folder that is gone when they are read.
kubectl kustomize "$work" >"$work/all.yaml" 2>"$work/said" || failed=1
sed "s|$(cd "$work" && pwd -P)/||g; s|$work/||g" "$work/said" >&2
[ -z "$failed" ] || fail "The manifests in $here can not be put together; the lines above say which one and why."

if [ -n "$dry_run" ]; then
  cat "$work/all.yaml"
  exit 0
fi

# The context is read once and named in every call: a switch in another terminal changes nothing here.
[ -n "$context" ] || context=$(kubectl config current-context 2>/dev/null) ||
  fail 'kubectl has no current context. Choose one with kubectl config use-context, or name it with --context.'
in_cluster() { kubectl --context "$context" "$@"; }
in_namespace() { in_cluster --namespace "$NAMESPACE" "$@"; }
server=$(in_cluster config view --minify --output 'jsonpath={.clusters[0].cluster.server}') ||
  fail "kubectl does not know the context $context; kubectl config get-contexts lists them."

why=$(in_cluster get --raw /version 2>&1 >/dev/null) || case $why in
  *orbidden*) ;; # reached
  *) fail "The API server of $context ($server) does not answer kubectl: $why" ;;
esac

# An id of the wrong kind looks like any other; but Entra tells anybody whether a tenant exists.
if command -v curl >/dev/null; then
  status=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 5 "$ENTRA_INSTANCE$TENANT_ID/v2.0/.well-known/openid-configuration") || status=''
  [ "$status" != 400 ] || fail "TENANT_ID is no tenant of $ENTRA_INSTANCE: $TENANT_ID. Is it an app id that belongs into another line of $file?"
fi

# What is deployed already knows which id is the blueprint's.
before=$(in_namespace get serviceaccount agent-blueprint --ignore-not-found --output 'jsonpath={.metadata.annotations.azure\.workload\.identity/client-id}' 2>/dev/null) || before=''
for name in TENANT_ID MCP_APP_ID $agents; do
  [ "$before" != "$(value "$name")" ] || fail "The blueprint in the cluster is $before, which $file calls $(called "$name"). Were BLUEPRINT_APP_ID and $(called "$name") swapped?"
done
[ -z "$before" ] || [ "$before" = "$BLUEPRINT_APP_ID" ] || say "Note: the blueprint changes; until now it is $before."

say "Context     $context ($server)
Namespace   $NAMESPACE
Variant     $overlay${debug:+ with the administration port open (--debug)}
Tenant      $TENANT_ID
Blueprint   $BLUEPRINT_APP_ID"
for name in $agents; do say "Agent       $(value "$name") ($(agent_of "$name"))"; done
say "Tools for   $(printf '%s' "$AGENT_APP_IDS" | tr -d "'")
MCP app     $MCP_APP_ID
Model       $LLM_DEPLOYMENT at $AZURE_OPENAI_HOST
Developer   ${DEVELOPER:-nobody yet}"
if [ -z "$yes" ]; then
  printf 'Deploy this? [y/N] ' >&2
  read -r answer || answer=''
  case $answer in
    y | Y | yes) ;;
    *) fail 'Nothing was changed.' ;;
  esac
fi

# Server-side: the API server merges by owner, so a field that somebody else set by hand is a conflict, not overwritten.
in_cluster apply --server-side --field-manager agent-id-deploy --filename "$work/all.yaml" >&2 ||
  fail 'Not everything could be applied; the lines above say what and why. Mend that and run this again: what was applied stays as it is. Conflict: somebody else has set that field; give it the value of the manifests, or change the manifests.'

# What to look at when a Deployment does not come up, and the two lines of it that mostly say why.
explain() {
  say "$1 did not become ready within 3 minutes. Its pods and the last events:"
  in_namespace get pods --selector "app.kubernetes.io/name=$1" >&2 || true
  in_namespace get events --sort-by .lastTimestamp 2>/dev/null | grep -- "$1" | tail -n 5 >&2 || true
  say "The end of their logs:"
  in_namespace logs --selector "app.kubernetes.io/name=$1" --tail 10 --prefix --ignore-errors >&2 || true # of the old pods and the new
  fail "Mend what they say and run this again. ImagePullBackOff: the node can not reach the registry. FailedCreate: a policy of the cluster refuses the pod. More: kubectl --context $context --namespace $NAMESPACE describe pods --selector app.kubernetes.io/name=$1"
}
for name in $wanted agentgateway; do
  in_namespace rollout status "deployment/$name" --timeout 180s >&2 || explain "$name"
done

for name in $(in_namespace get deployments --selector app.kubernetes.io/part-of=agent-id,app.kubernetes.io/component=agent --output name); do
  case "$wanted " in
    *" ${name##*/} "*) ;;
    *) say "Note: ${name##*/} is in the cluster and not in $file. If it is no longer wanted: kubectl --context $context --namespace $NAMESPACE delete $name" ;;
  esac
done

bound=$(in_namespace get rolebinding agent-id-user --ignore-not-found --output 'jsonpath={.subjects[*].name}' 2>/dev/null) || bound=''
[ -n "$(value DEVELOPER)" ] || [ -z "$bound" ] ||
  say "Note: $bound has the Role agent-id-user in the cluster, and $file has no DEVELOPER. If that is no longer wanted: kubectl --context $context --namespace $NAMESPACE delete rolebinding agent-id-user"

issuer=$(in_cluster get --raw /.well-known/openid-configuration 2>/dev/null | sed -n 's/.*"issuer": *"\([^"]*\)".*/\1/p') || issuer=''
say "
Everything is ready. Next:
- The blueprint needs this federated credential (an administrator makes it once: npm run tenant -- setup --issuer, docs/setup-tenant.md):
     issuer    ${issuer:-unknown: kubectl --context $context get --raw /.well-known/openid-configuration}
     subject   system:serviceaccount:$NAMESPACE:agent-blueprint
     audience  $(sed -n 's/^ *audience: *api:/api:/p' "$work/all.yaml" | head -n 1)"
case $issuer in
  https://kubernetes.default.svc* | https://127.* | https://localhost*)
    say '   Entra can not reach this issuer: docs/setup-cluster.md says how to publish one.' ;;
esac
[ -n "$(value DEVELOPER)$bound" ] || say '- Give developers the Role agent-id-user: DEVELOPER in the .env, or examples/role-binding.yaml.'
client=$(value CLIENT_APP_ID)
if matches "$client" "$GUID"; then say "- In VS Code, the setting of everybody who connects: \"agentId.clientId\": \"$client\""; fi
say "- In VS Code: Agent ID: Connect…, context $context, namespace $NAMESPACE."
