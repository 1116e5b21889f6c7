# Reads and checks the .env for deploy.sh and undeploy.sh, which source this file.
# shellcheck shell=sh
# The variables are read by the scripts and, once exported, by render.sh:
# shellcheck disable=SC2034
# SC2018/SC2019: host names and GUIDs have no accents. SC2089/SC2090: the quotes of AGENT_APP_IDS are CEL's.
# shellcheck disable=SC2018,SC2019,SC2089,SC2090

say() { printf '%s\n' "$*" >&2; }

# Problems are collected, so that all of them are said at once.
problems=''
problem() { problems="$problems
  - $*"; }

# value NAME: what the .env says. Only names from known() and *_AGENT_APP_ID get here, so eval runs nothing of the file.
value() { eval "printf '%s' \"\${$1-}\""; }

NAMES='NAMESPACE TENANT_ID ENTRA_INSTANCE BLUEPRINT_APP_ID MCP_APP_ID AGENT_APP_IDS CLIENT_APP_ID DEVELOPER
AZURE_OPENAI_HOST LLM_DEPLOYMENT LLM_API_VERSION'
# the reference client's names
NAMES="$NAMES MCP_SERVER_APP_ID AGENT_IDENTITY_APP_ID BLUEPRINT_CLIENT_SECRET
AZURE_OPENAI_ENDPOINT AZURE_OPENAI_DEPLOYMENT AZURE_OPENAI_API_VERSION"

known() {
  for each in $NAMES; do [ "$1" != "$each" ] || return 0; done
  case $1 in
    *[!A-Z0-9_]* | [!A-Z]*) return 1 ;;
    *_AGENT_APP_ID) ;;
    *) return 1 ;;
  esac
}

# meant NAME: the known name that differs from it in one letter, or in two beside each other.
meant() {
  for each in $NAMES RESEARCH_AGENT_APP_ID; do
    printf '%s %s\n' "$1" "$each"
  done | awk '{
    short = length($1) < length($2) ? length($1) : length($2)
    long = length($1) + length($2) - short
    for (head = 0; head < short && substr($1, head + 1, 1) == substr($2, head + 1, 1);) head++
    for (tail = 0; tail < short - head && substr($1, length($1) - tail, 1) == substr($2, length($2) - tail, 1);) tail++
    if (long - head - tail <= (short == long ? 2 : 1)) { print $2; exit }
  }'
}

# short TEXT: its beginning. What is in the wrong line may be a secret, and what is printed may end up in a log.
short() { printf '%s' "$1" | sed 's/^\(.\{12\}\).*/\1…/'; }

matches() { printf '%s\n' "$1" | grep -Eq -- "$2"; }

# read_env FILE: sets the known names from lines NAME=value (quotes, "export" and comments as shells take them). What the
# environment of the caller says does not count: what is deployed stands in the file.
read_env() {
  for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p'); do
    if known "$name"; then unset "$name"; fi
  done
  agents=''
  number=0
  mark=$(printf '\357\273\277') # of UTF-8, as Windows editors write it
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    [ "$number" != 1 ] || line=${line#"$mark"}
    line=$(printf '%s' "$line" | tr -d '\r' | sed 's/^[[:space:]]*//; s/^export[[:space:]][[:space:]]*//')
    case $line in
      '' | '#'*) continue ;;
      *=*) ;;
      *) problem "line $number of $1 is not NAME=value"; continue ;;
    esac
    name=$(printf '%s' "${line%%=*}" | sed 's/[[:space:]]*$//')
    if ! known "$name"; then
      other=$(meant "$name")
      [ -z "$other" ] || say "Note: line $number of $1 has $name, which nothing reads. Is $other meant?"
      continue
    fi
    text=$(printf '%s' "${line#*=}" | sed 's/^[[:space:]]*//')
    case $text in
      \"*\"*) text=${text#\"}; text=${text%%\"*} ;;
      \'*\'*) text=${text#\'}; text=${text%%\'*} ;;
      *) text=$(printf '%s' "$text" | sed 's/^#.*//; s/[[:space:]]#.*//; s/[[:space:]]*$//') ;;
    esac
    eval "$name=\$text"
    case $name in
      *_AGENT_APP_ID) case " $agents " in *" $name "*) ;; *) [ -z "$text" ] || agents="$agents $name" ;; esac ;;
    esac
  done <"$1"
}

# take NAME OTHER: the reference client calls it OTHER. Errors then say OTHER, as the file does.
take() {
  [ -n "$(value "$2")" ] || return 0
  if [ -z "$(value "$1")" ]; then
    eval "$1=\$$2; written_$1=$2"
  elif [ "$(value "$1")" != "$(value "$2")" ]; then
    problem "$1 and $2 mean the same and have different values; remove one"
  fi
}

called() { eval "printf '%s' \"\${written_$1-$1}\""; }

# What an id really is that people paste into the wrong line.
well_known() {
  case $1 in
    00000003-0000-0000-c000-000000000000) echo 'Microsoft Graph' ;;
    7d312290-28c8-473c-a0ed-8e53749b6d6d) echo 'Microsoft Cognitive Services, the API behind Azure OpenAI' ;;
    14d82eec-204b-4c2f-b7e8-296a70dab67e) echo 'Microsoft Graph Command Line Tools, the client that users sign in with' ;;
    04b07795-8ddb-461a-bbee-02f9e1bf7b46) echo 'the Azure CLI' ;;
    aebc6443-996d-45c2-90f0-388ff96faa56) echo 'Visual Studio Code' ;;
    db506228-d27e-4b7d-95e5-295956d6615f) echo 'the directory role Agent ID Administrator' ;;
    9188040d-6c67-4c5b-b112-36a304b66dad) echo 'the tenant of personal Microsoft accounts' ;;
    00000000-0000-0000-0000-000000000000) echo 'a placeholder' ;;
    *) return 1 ;;
  esac
}

GUID='^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

# check_guid NAME WHAT: also makes it lower case, as Entra writes ids into tokens: the gateway compares letter by letter.
check_guid() {
  text=$(value "$1" | tr 'A-F' 'a-f')
  if [ -z "$text" ]; then
    problem "$(called "$1") is missing: $2"
  elif ! matches "$text" "$GUID"; then
    problem "$(called "$1") is no GUID: $(short "$text"); wanted is $2"
  elif what=$(well_known "$text"); then
    problem "$(called "$1") is $what; wanted is $2"
  else
    eval "$1=\$text"
  fi
}

check_text() { # NAME PATTERN WHAT
  if [ -z "$(value "$1")" ]; then
    problem "$(called "$1") is missing: $3"
  elif ! matches "$(value "$1")" "$2"; then
    problem "$(called "$1") is not $3: $(short "$(value "$1")")"
  fi
}

# check_distinct NAME…: ids of different things are different.
check_distinct() {
  while [ $# -gt 1 ]; do
    first=$1
    shift
    [ -n "$(value "$first")" ] || continue
    for second; do
      [ "$(value "$first")" != "$(value "$second")" ] ||
        problem "$(called "$first") and $(called "$second") have the same value: one of them is in the wrong line"
    done
  done
}

# check_agents FOLDER: each agent of the .env has its manifest.
check_agents() {
  [ -n "$agents" ] || problem 'RESEARCH_AGENT_APP_ID is missing: the app id of an agent identity'
  for name in $agents; do
    check_guid "$name" 'the app id of an agent identity'
    [ -f "$1/$(agent_of "$name").yaml" ] ||
      problem "$name belongs to base/$(agent_of "$name").yaml, which does not exist. \"Add an agent\" in k8s/README.md makes it"
  done
}

# RESEARCH_AGENT_APP_ID -> research-agent
agent_of() { printf '%s' "${1%_APP_ID}" | tr 'A-Z_' 'a-z-'; }

# AGENT_APP_IDS as CEL wants it: 'guid','guid'.
quote_agents() {
  if [ -z "$(value AGENT_APP_IDS)" ]; then
    for name in $agents; do AGENT_APP_IDS="${AGENT_APP_IDS:+$AGENT_APP_IDS,}$(value "$name")"; done
  fi
  quoted=''
  set -f # a * in the file is no list of files
  for id in $(value AGENT_APP_IDS | tr 'A-F' 'a-f' | tr -d "\"'" | tr ',' ' '); do
    matches "$id" "$GUID" || problem "AGENT_APP_IDS has something that is no GUID: $(short "$id")"
    for name in TENANT_ID BLUEPRINT_APP_ID MCP_APP_ID; do
      [ "$id" != "$(value "$name")" ] || problem "AGENT_APP_IDS has the value of $(called "$name"), which is no agent identity"
    done
    quoted="${quoted:+$quoted,}'$id'"
  done
  set +f
  AGENT_APP_IDS=$quoted
}

check_namespace() {
  NAMESPACE=${NAMESPACE:-agent-id}
  check_text NAMESPACE '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' 'the name of a namespace'
  case $NAMESPACE in
    default | kube-*) problem "NAMESPACE is $NAMESPACE: agents need a namespace with nothing else in it" ;;
  esac
}

# load_env FILE FOLDER: reads, checks and exports everything that the manifests in FOLDER need.
load_env() {
  read_env "$1"
  take MCP_APP_ID MCP_SERVER_APP_ID
  if [ -n "$(value AGENT_IDENTITY_APP_ID)" ] && [ -z "$(value RESEARCH_AGENT_APP_ID)" ]; then agents="RESEARCH_AGENT_APP_ID$agents"; fi
  take RESEARCH_AGENT_APP_ID AGENT_IDENTITY_APP_ID
  take LLM_DEPLOYMENT AZURE_OPENAI_DEPLOYMENT
  take LLM_API_VERSION AZURE_OPENAI_API_VERSION
  take AZURE_OPENAI_HOST AZURE_OPENAI_ENDPOINT
  AZURE_OPENAI_HOST=$(value AZURE_OPENAI_HOST | sed 's|^https*://||; s|/.*$||; s|:443$||' | tr 'A-Z' 'a-z')
  ENTRA_INSTANCE=${ENTRA_INSTANCE:-https://login.microsoftonline.com/}
  ENTRA_INSTANCE=${ENTRA_INSTANCE%/}/
  LLM_API_VERSION=${LLM_API_VERSION:-2024-10-21}

  check_namespace
  check_guid TENANT_ID 'the id of your Entra tenant, which is a GUID and no domain name'
  check_guid BLUEPRINT_APP_ID 'the app id of the agent identity blueprint'
  check_agents "$2"
  check_guid MCP_APP_ID 'the app id of the application that stands for the MCP servers'
  # shellcheck disable=SC2086 # names without spaces
  check_distinct TENANT_ID BLUEPRINT_APP_ID MCP_APP_ID $agents
  quote_agents
  check_text AZURE_OPENAI_HOST '^[a-z0-9-]+(\.[a-z0-9-]+)+$' 'the host of the Azure OpenAI resource, such as contoso.openai.azure.com'
  case $AZURE_OPENAI_HOST in
    agentgateway.*) problem "$(called AZURE_OPENAI_HOST) is the gateway itself; wanted is the host behind it, such as contoso.openai.azure.com" ;;
    contoso.*) problem "$(called AZURE_OPENAI_HOST) is a placeholder; wanted is the host of your Azure OpenAI resource, to which tokens of your users go" ;;
  esac
  check_text LLM_DEPLOYMENT '^[A-Za-z0-9._-]+( *, *[A-Za-z0-9._-]+)*$' 'the name of an Azure OpenAI deployment (or several, with commas)'
  check_text LLM_API_VERSION '^20[0-9]{2}-[0-9]{2}-[0-9]{2}(-preview)?$' 'an api-version such as 2024-10-21'
  check_text ENTRA_INSTANCE '^https://[a-z0-9.-]+/$' 'an address such as https://login.microsoftonline.com/'
  # The manifests name the cloud in more places than this variable fills in.
  if [ "$ENTRA_INSTANCE" != https://login.microsoftonline.com/ ] && grep -q 'login\.microsoftonline\.com' "$2/agentgateway-config.yaml"; then
    problem "ENTRA_INSTANCE is another cloud than the worldwide one, which base/agentgateway-config.yaml still names; README.md lists what to change (Another cloud)"
  fi
  [ -z "$(value DEVELOPER)" ] || check_text DEVELOPER '^[A-Za-z0-9@._:/#+-]+$' 'a user name as the API server knows it'
  [ -z "$(value BLUEPRINT_CLIENT_SECRET)" ] ||
    say "Note: BLUEPRINT_CLIENT_SECRET is not used. The blueprint proves itself with the pod's ServiceAccount token; delete the secret."
  unset BLUEPRINT_CLIENT_SECRET

  [ -z "$problems" ] || return 0
  export NAMESPACE TENANT_ID ENTRA_INSTANCE BLUEPRINT_APP_ID MCP_APP_ID AGENT_APP_IDS DEVELOPER
  export AZURE_OPENAI_HOST LLM_DEPLOYMENT LLM_API_VERSION
  for name in $agents; do export "${name?}"; done
}
