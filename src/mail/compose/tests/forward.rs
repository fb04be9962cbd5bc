//! The letter to the admin that goes to the owner, to be sent on.

use super::*;

fn eml(policy: Policy) -> Option<String> {
    let notice = notice(NoticeKind::Chain, vec![broken_chain(&watch("shop.example", policy))]);
    let attachments = letter(&notice, &settings()).attachments;
    attachments.into_iter().find(|attachment| attachment.name == "letter.eml").map(|attachment| attachment.text)
}

#[test]
fn the_owner_gets_a_draft_of_the_letter_as_the_admin_would_have_had_it() {
    let admins = vec!["hostmaster@shop.example".to_owned(), "noc@shop.example".into()];
    let policy = Policy { owners: vec!["shop-team@example.com".into()], admins, ..Policy::default() };
    let draft = eml(policy).expect("nobody writes to the admin");
    let (head, body) = draft.split_once("\r\n\r\n").expect("a message");
    for line in [
        "X-Unsent: 1",
        "From: certvigil <alerts@example.com>",
        "To: hostmaster@shop.example, noc@shop.example",
        "Reply-To: shop-team@example.com",
        "Subject: Incomplete certificate chain on shop.example:443",
    ] {
        assert!(head.split("\r\n").any(|known| known == line), "{line} is not in\n{head}");
    }
    assert!(body.contains("Verify return code: 21") && body.contains("filename=\"fullchain.pem\""), "{body}");
    assert!(!body.contains("forward this letter") && !body.contains("letter.eml"), "it speaks to the admin alone");
    assert!(draft.lines().all(|line| line.is_ascii() && line.len() <= 998), "it is carried as it is");
}

#[test]
fn without_an_admin_it_is_addressed_by_whoever_sends_it() {
    let draft = eml(Policy::default()).expect("there is no admin");
    assert!(draft.contains("\r\nTo: undisclosed-recipients:;\r\n"), "{draft}");
    let written_to = Policy { admins: vec!["noc@shop.example".into()], write_to_admin: true, ..Policy::default() };
    assert_eq!(eml(written_to), None, "the admin has it");
}

#[test]
fn it_travels_as_a_message_within_the_message() {
    let notice = notice(NoticeKind::Chain, vec![broken_chain(&watch("shop.example", Policy::default()))]);
    let message = String::from_utf8(compose(&notice, &settings()).message).unwrap();
    let part = message.split("Content-Type: message/rfc822\r\n").nth(1).expect("a message within");
    let (head, _) = part.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Content-Disposition: attachment; filename=\"letter.eml\""), "{head}");
    assert!(head.contains("Content-Transfer-Encoding: 7bit"), "{head}");
}

#[test]
fn a_summary_brings_one_for_each_broken_chain_whose_admin_has_none() {
    let admin = |write_to_admin| Policy { admins: vec!["noc@shop.example".into()], write_to_admin, ..Policy::default() };
    let cases = [("one.example", false), ("two.example", true), ("three.example", false)]
        .map(|(name, write_to_admin)| broken_chain(&watch(name, admin(write_to_admin))));
    let summary = letter(&notice(NoticeKind::Summary, cases.into()), &settings());
    let letters: Vec<_> = summary.attachments.iter().filter(|attachment| attachment.name.starts_with("letter-")).collect();
    let names: Vec<_> = letters.iter().map(|letter| &*letter.name).collect();
    assert_eq!(names, ["letter-one.example-443.eml", "letter-three.example-443.eml"]);
    assert!(
        letters[1].text.contains("\r\nSubject: Incomplete certificate chain on three.example:443\r\n"),
        "{}",
        letters[1].text
    );
    assert!(summary.text.contains("Attached too, as letter-NAME.eml: 2 letters to whoever runs such"), "{}", summary.text);
}

#[test]
fn an_admin_who_refuses_the_letter_has_not_got_it() {
    let policy = Policy { admins: vec!["noc@shop.example".into()], write_to_admin: true, ..Policy::default() };
    let mut notice = notice(NoticeKind::Chain, vec![broken_chain(&watch("shop.example", policy))]);
    let refused = crate::monitor::InPlaceOf { recipient: "noc@shop.example".into(), why: "550 no such user".into() };
    notice.in_place_of = Some(Arc::new(refused));
    let letter = letter(&notice, &settings());
    let paragraphs: Vec<_> = letter.text.split("\n\n").map(|it| it.replace('\n', " ")).collect();
    assert!(paragraphs[0].starts_with("Please forward this letter"), "{}", letter.text);
    let why = "You read this in place of noc@shop.example, to whom the mail server would not take it: 550 no such user.";
    assert_eq!(paragraphs[1], why);
    let draft = letter.attachments.iter().find(|attachment| attachment.name == "letter.eml").expect("to be sent on");
    assert!(!draft.text.contains("in place of"), "a stranger need not know");
}
