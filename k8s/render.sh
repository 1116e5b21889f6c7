#!/bin/sh
# Fills in the manifests: reads text on stdin, writes it to stdout with every ${VAR} replaced by the environment
# variable of that name. If names have no value it lists them all, writes nothing to stdout and fails.
# sh and awk, so that it runs wherever kubectl does. (envsubst, where it exists, puts nothing in place of a missing
# name, and Entra finds out much later.)
set -eu

if [ $# -gt 0 ]; then
  # shellcheck disable=SC2016
  echo 'Usage: NAMESPACE=agent-id … render.sh <base/role.yaml    fills in ${VAR} from the environment' >&2
  case $1 in
    --help | -h) exit 0 ;;
    *) exit 2 ;;
  esac
fi

awk '
  {
    rest = $0
    line = ""
    while (match(rest, /[$][{][A-Z][A-Z0-9_]*[}]/)) {
      name = substr(rest, RSTART + 2, RLENGTH - 3)
      if (ENVIRON[name] == "" && !(name in missing)) {
        missing[name] = 1
        names = names (names == "" ? "" : ", ") name
      }
      line = line substr(rest, 1, RSTART - 1) ENVIRON[name]
      rest = substr(rest, RSTART + RLENGTH)
    }
    text = text line rest "\n"
  }
  END {
    if (names != "") {
      print "The manifests need a value for " names "." | "cat >&2"
      close("cat >&2")
      exit 1
    }
    printf "%s", text
  }
'
