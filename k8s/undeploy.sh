#!/bin/sh
# Removes what deploy.sh made. What is in Entra stays: the blueprint, its agents, and the federated credential.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=env.sh source-path=SCRIPTDIR
. "$here/env.sh"

usage() {
  cat >&2 <<'END'
Usage: undeploy.sh [options]
  --env FILE           says which namespace (default: .env beside this script)
  --context NAME       the kubeconfig context (default: the current one)
  --delete-namespace   the namespace too, with whatever else is in it
  --yes                do not ask
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
context=''
whole=''
yes=''
while [ $# -gt 0 ]; do
  case $1 in
    --env | --context) [ $# -gt 1 ] || misused "$1 needs a value." ;;
  esac
  case $1 in
    --env) file=$2; shift ;;
    --context) context=$2; shift ;;
    --delete-namespace) whole=1 ;;
    --yes) yes=1 ;;
    --help | -h) usage; exit 0 ;;
    *) misused "There is no option $1." ;;
  esac
  shift
done

[ -f "$file" ] || fail "There is no $file. Name the one that deploy.sh was given with --env."
command -v kubectl >/dev/null || fail 'kubectl is not on the PATH. Install it, then run this again.'
read_env "$file"
check_namespace
[ -z "$problems" ] || fail "$file:$problems"
[ -n "$context" ] || context=$(kubectl config current-context 2>/dev/null) ||
  fail 'kubectl has no current context. Choose one with kubectl config use-context, or name it with --context.'
in_cluster() { kubectl --context "$context" "$@"; }
in_namespace() { in_cluster --namespace "$NAMESPACE" "$@"; }
server=$(in_cluster config view --minify --output 'jsonpath={.clusters[0].cluster.server}') ||
  fail "kubectl does not know the context $context; kubectl config get-contexts lists them."

kinds=deployments,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets,rolebindings,roles
say "Context     $context ($server)
Namespace   $NAMESPACE"
found=$(in_namespace get "$kinds" --selector app.kubernetes.io/part-of=agent-id --output name)
if [ -z "$found$whole" ]; then
  say 'Nothing that deploy.sh made is there.'
  exit 0
fi
[ -z "$found" ] || say "$found"
[ -z "$whole" ] || say 'and the namespace, with everything else in it.'
if [ -z "$yes" ]; then
  printf 'Delete this? [y/N] ' >&2
  read -r answer || answer=''
  case $answer in
    y | Y | yes) ;;
    *) fail 'Nothing was changed.' ;;
  esac
fi

in_namespace delete "$kinds" --selector app.kubernetes.io/part-of=agent-id --ignore-not-found >&2
if [ -n "$whole" ]; then
  in_cluster delete namespace "$NAMESPACE" --ignore-not-found >&2
fi
say "Gone. If no other cluster uses it, remove the blueprint's federated credential for system:serviceaccount:$NAMESPACE:agent-blueprint in Entra too."
