#!/usr/bin/env bash
# The page in a real browser, over the lab: nothing goes wrong in it, nothing is asked of anybody else, keys and phones are enough, and
# axe finds no serious fault with it.
. "$(dirname "$0")/lib.sh"
AXE=$ROOT/target/acceptance/axe

# Fetched once, by npm, where the network still is.
axe() {
    needs chromium:chromium npm:npm
    [ -e "$AXE/node_modules/axe-core/axe.min.js" ] ||
        npm install --prefix "$AXE" --no-audit --no-fund --no-package-lock --loglevel=error axe-core@4.10.3 >/dev/null ||
        fail "npm could not fetch axe-core: https://registry.npmjs.org must be within reach"
}

[ -n "${CERTVIGIL_NETNS:-}" ] || axe
own_network

start certvigil "$CERTVIGIL" demo --directory "$WORK/demo"
wait_for 60 "the page" port_open 9843
wait_for 60 "a lab whose faults are all proven" metric 9843 'certvigil_incident_open\{code="missing_intermediate",severity="critical"\} 4'
python3 "$ACCEPTANCE/page.py" http://127.0.0.1:9843 "$AXE/node_modules/axe-core/axe.min.js"
