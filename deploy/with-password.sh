#!/bin/sh
# Runs a command of Temporal's with the password of PostgreSQL. Server and schema tool take it from their environment only;
# this way it is in no container's configuration, where everybody who may ask Docker could read it.
set -eu
password=$(cat "$POSTGRES_PASSWORD_FILE")
POSTGRES_PWD=$password SQL_PASSWORD=$password exec "$@"
