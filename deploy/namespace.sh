#!/bin/sh
# Makes the namespace where there is none. A worker registers its search attributes itself.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$HISTORY_RETENTION"
