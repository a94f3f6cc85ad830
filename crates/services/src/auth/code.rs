//! Codes and links of sign-in mails: how they are made, what is kept of them, and the mail's words.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use visavis_domain::id::ChallengeId;
use visavis_platform::{Dice, mail::Mail, secret::Secret};

/// Codes have six digits.
const CODES: u64 = 1_000_000;

/// The secrets of one challenge, as they go into the mail, and what is kept of them.
pub(super) struct Secrets {
    pub(super) code: String,
    pub(super) link_token: String,
    pub(super) salt: String,
    pub(super) code_mac: String,
    pub(super) link_hash: String,
}

impl Secrets {
    pub(super) fn new(id: ChallengeId, secret: &Secret, dice: &Dice) -> Self {
        let code = format!("{:06}", dice.below(CODES));
        let link_token = URL_SAFE_NO_PAD.encode(dice.bytes::<32>());
        let salt = URL_SAFE_NO_PAD.encode(dice.bytes::<16>());
        let code_mac = code_mac(id, &salt, &code, secret);
        let link_hash = link_hash(&link_token, secret);
        Self { code, link_token, salt, code_mac, link_hash }
    }
}

/// What is kept of a code. A million codes are quickly tried, so this needs the secret key, not just a hash.
fn code_mac(id: ChallengeId, salt: &str, code: &str, secret: &Secret) -> String {
    let parts: [&[u8]; 3] = [&id.bits().to_be_bytes(), salt.as_bytes(), code.as_bytes()];
    URL_SAFE_NO_PAD.encode(secret.mac("sign-in code", &parts))
}

/// Whether `code` is the challenge's, in the same time whatever it is.
pub(super) fn is_right(id: ChallengeId, salt: &str, kept: &str, code: &str, secret: &Secret) -> bool {
    verify_slices_are_equal(code_mac(id, salt, code, secret).as_bytes(), kept.as_bytes()).is_ok()
}

/// What is kept of a link.
pub(super) fn link_hash(token: &str, secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(secret.mac("sign-in link", &[token.as_bytes()]))
}

/// The mail. Code and link each stand alone on their line, for people and for programs.
pub(super) fn mail(to: &str, secrets: &Secrets, public_url: &str, minutes: u64) -> Mail {
    let (code, token) = (&secrets.code, &secrets.link_token);
    let text = format!(
        "Hello,\n\nhere is your code to sign in:\n\n{code}\n\nOr open this link and press the button there:\n\n\
         {public_url}/login/magic#token={token}\n\nCode and link work once, for {minutes} minutes. If you did not ask \
         for this\nmail, please ignore it: nobody can sign in without what is in it.\n"
    );
    Mail { to: to.to_owned(), subject: "Your sign-in code".to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> (Secret, Secrets) {
        let secret = Secret::from_bytes([3; 32]);
        let secrets = Secrets::new(ChallengeId::from_bits(5), &secret, &Dice::seeded(4));
        (secret, secrets)
    }

    #[test]
    fn a_code_is_right_for_its_own_challenge_and_salt_only() {
        let (secret, s) = parts();
        let right = |id, salt: &str, code: &str| {
            is_right(ChallengeId::from_bits(id), salt, &s.code_mac, code, &secret)
        };
        assert!(right(5, &s.salt, &s.code));
        assert!(!right(6, &s.salt, &s.code));
        assert!(!right(5, "other", &s.code));
        let other = format!("{:06}", (s.code.parse::<u64>().unwrap() + 1) % CODES);
        assert!(!right(5, &s.salt, &other));
    }

    #[test]
    fn code_and_link_stand_alone_on_their_lines_and_not_in_the_subject() {
        let (_, s) = parts();
        let mail = mail("a@x.example", &s, "https://v.example", 5);
        let link = format!("https://v.example/login/magic#token={}", s.link_token);
        assert!(mail.text.lines().any(|line| line == s.code));
        assert!(mail.text.lines().any(|line| line == link));
        assert_eq!((s.code.len(), s.link_token.len()), (6, 43));
        assert!(mail.text.is_ascii() && !mail.subject.contains(&s.code));
    }
}
