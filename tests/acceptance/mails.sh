#!/usr/bin/env bash
# The mails as people read them: each as HTML in a real browser, on a phone's width, light and dark, and as a message through
# another program's parser.
. "$(dirname "$0")/lib.sh"
needs chromium:chromium
own_network

browser() {
    # A profile of its own; the sandbox wants a user that is not root.
    timeout 120 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --user-data-dir="$WORK/profile" "$@" 2>>"$WORK/chromium.log" || { shown "$WORK/chromium.log"; fail "chromium gave up"; }
}

dark=(--force-dark-mode --blink-settings=preferredColorScheme=0)

for language in en de; do
    gives 0 preview "$CERTVIGIL" mail preview --all --language $language --folder "$WORK/$language"

    say "$language: each message, read by Python's parser"
    python3 "$ACCEPTANCE/mails.py" messages "$WORK/$language"

    say "$language: each page on 360 pixels: nothing is cut off, nothing is fetched, everything can be read"
    python3 "$ACCEPTANCE/mails.py" page "$WORK/$language" >"$WORK/$language.html"
    browser --dump-dom "file://$WORK/$language.html" >"$WORK/$language-light.dom"
    browser "${dark[@]}" --dump-dom "file://$WORK/$language.html" >"$WORK/$language-dark.dom"
    python3 "$ACCEPTANCE/mails.py" measured light "$WORK/$language-light.dom"
    python3 "$ACCEPTANCE/mails.py" measured dark "$WORK/$language-dark.dom"
done

say "pictures: a light room and a dark one"
for name in missing_intermediate expires_soon resolved summary; do
    browser --window-size=500,1400 --screenshot="$WORK/$name-light.png" "file://$WORK/en/$name.html"
    browser "${dark[@]}" --window-size=500,1400 --screenshot="$WORK/$name-dark.png" "file://$WORK/en/$name.html"
    python3 "$ACCEPTANCE/mails.py" pictures "$WORK/$name-light.png" "$WORK/$name-dark.png"
done
