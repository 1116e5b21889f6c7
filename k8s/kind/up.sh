#!/bin/sh
# A kind cluster whose ServiceAccount tokens Entra can verify: creates it with a public issuer, and writes the two
# documents that have to be found there into ./oidc. Needs kind, kubectl and a container engine; with --storage-account, the Azure CLI.
set -eu

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
usage() {
  cat >&2 <<'END'
Usage: up.sh --storage-account NAME   publish in this Azure storage account (container oidc, made if it is not there)
       up.sh --issuer URL             publish by yourself: any public https address, without a slash at the end
  --name NAME   name of the kind cluster (default: agent-id)
END
}

misused() {
  say "$*"
  usage
  exit 2
}

issuer=''
account=''
name=agent-id
while [ $# -gt 0 ]; do
  case $1 in
    --storage-account | --issuer | --name) [ $# -gt 1 ] || misused "$1 needs a value." ;;
  esac
  case $1 in
    --storage-account) account=$2; issuer=https://$2.blob.core.windows.net/oidc; shift ;;
    --issuer) issuer=$2; shift ;;
    --name) name=$2; shift ;;
    --help | -h) usage; exit 0 ;;
    *) misused "There is no option $1." ;;
  esac
  shift
done
[ -n "$issuer" ] || { usage; exit 2; }
case $issuer in
  https://*/) fail 'The issuer must not end in a slash: Entra compares it letter by letter with the one in the tokens.' ;;
  https://*) ;;
  *) fail 'The issuer must be an https address that Entra reaches from the internet.' ;;
esac
for tool in kind kubectl curl ${account:+az}; do
  command -v "$tool" >/dev/null || fail "$tool is not on the PATH. Install it, then run this again."
done

if kind get clusters 2>/dev/null | grep -qx -- "$name"; then
  say "The kind cluster $name is there; it stays as it is."
else
  # An issuer can be chosen only when the cluster is made. Its audiences stay the default ones: a token that is meant for
  # Entra must not open the API server. Two versions of one patch: kind takes the one that its kubeadm speaks, which is
  # the newer from Kubernetes 1.36 on (kubernetes-sigs/kind issue 3847, pull request 4173).
  kind create cluster --name "$name" --config - <<END
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
kubeadmConfigPatches:
  - |
    apiVersion: kubeadm.k8s.io/v1beta3
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
        service-account-issuer: $issuer
        service-account-jwks-uri: $issuer/openid/v1/jwks
  - |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
        - name: service-account-issuer
          value: $issuer
        - name: service-account-jwks-uri
          value: $issuer/openid/v1/jwks
END
fi
context=kind-$name

documents=$PWD/oidc
mkdir -p "$documents"
# What the API server says itself, so that issuer, keys and algorithms are those of its tokens.
kubectl --context "$context" get --raw /.well-known/openid-configuration >"$documents/openid-configuration"
kubectl --context "$context" get --raw /openid/v1/jwks >"$documents/jwks"
grep -q "\"issuer\":\"$issuer\"" "$documents/openid-configuration" ||
  fail "The cluster $name has another issuer: $(cat "$documents/openid-configuration"). Delete it (kind delete cluster --name $name), or give its issuer."

if [ -n "$account" ]; then
  # Through Azure's management, because with --auth-mode login the storage service itself makes no container public.
  id=$(az storage account show --name "$account" --query id --output tsv)
  az storage container-rm create --storage-account "$id" --name oidc --public-access blob --output none
  for pair in openid-configuration:.well-known/openid-configuration jwks:openid/v1/jwks; do
    az storage blob upload --account-name "$account" --container-name oidc --auth-mode login --overwrite --output none \
      --content-type application/json --file "$documents/${pair%%:*}" --name "${pair#*:}"
  done
else
  say "Publish, as application/json and readable for everybody:
  $documents/openid-configuration  at  $issuer/.well-known/openid-configuration
  $documents/jwks                  at  $issuer/openid/v1/jwks"
fi

# Keys that Entra can not read, or those of a cluster that is gone, are error AADSTS7000272 much later.
if [ "$(curl --silent --max-time 10 "$issuer/openid/v1/jwks" || true)" = "$(cat "$documents/jwks")" ]; then
  say "The keys are published at $issuer."
else
  say "Not there yet: $issuer/openid/v1/jwks does not answer with the keys of this cluster. Publish them, then run this again to check."
fi
say "
Next:
- the blueprint's federated credential (an administrator makes it once: npm run tenant -- setup --issuer, docs/setup-tenant.md;
  it stays right when you make the cluster anew with the same issuer and publish the new keys):
     issuer    $issuer
     subject   system:serviceaccount:agent-id:agent-blueprint
     audience  api://AzureADTokenExchange
- k8s/deploy.sh --overlay kind --context $context"
