//! When a certificate ends, read from its DER (RFC 5280 section 4.1): whoever runs a place is told before it does.

use std::path::Path;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use visavis_domain::Timestamp;

use super::{Files, TlsError, read};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Whether the two files can be used together, and when the certificate ends; `None` when that can't be read.
pub fn look_at(files: &Files) -> Result<Option<Timestamp>, TlsError> {
    read(files)?;
    ends(&files.cert)
}

/// When the first certificate of a file ends.
pub fn ends(cert: &Path) -> Result<Option<Timestamp>, TlsError> {
    let der = CertificateDer::from_pem_file(cert).map_err(|error| TlsError::File(cert.to_owned(), error))?;
    Ok(not_after(&der))
}

fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate, _) = part(der)?;
    let (_, mut rest, _) = part(certificate)?;
    // Serial number, algorithm and issuer, and before them a version where it isn't the first.
    let skipped = if *rest.first()? == VERSION { 4 } else { 3 };
    for _ in 0..skipped {
        rest = part(rest)?.2;
    }
    let (tag, validity, _) = part(rest)?;
    let (kind, text, _) = part(part(validity)?.2)?;
    (tag == SEQUENCE).then(|| time(kind, text)).flatten()
}

/// Tag and content of what stands first, and what follows it.
fn part(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        (
            digits
                .iter()
                .try_fold(0_usize, |all, digit| all.checked_mul(256)?.checked_add((*digit).into()))?,
            rest,
        )
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDHHMMSSZ` until 2049, else `YYYYMMDDHHMMSSZ`.
fn time(kind: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, rest) = match kind {
        UTC_TIME => (number(0, 2).map(|year| if year < 50 { 2_000 + year } else { 1_900 + year })?, 2),
        GENERALIZED_TIME => (number(0, 4)?, 4),
        _ => return None,
    };
    let two = |n: usize| number(rest + 2 * n, rest + 2 * n + 2);
    let (month, day) = (two(0)?, two(1)?);
    let seconds = (two(2)? * 60 + two(3)?) * 60 + two(4)?;
    Some(Timestamp::from_millis((days(year, month, day) * 86_400 + seconds) * 1_000))
}

/// Days since 1970, counted in years that begin in March, so that a leap day is the last of its year.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(until: (i32, u8, u8)) -> (tempfile::TempDir, Files) {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        let key = rcgen::KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = Files { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        std::fs::write(&files.cert, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        (folder, files)
    }

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_ways_of_writing_it() {
        for (until, text) in [
            ((2027, 2, 28), "2027-02-28T00:00:00.000Z"),
            ((2028, 2, 29), "2028-02-29T00:00:00.000Z"),
            ((2049, 12, 31), "2049-12-31T00:00:00.000Z"),
            ((2050, 1, 1), "2050-01-01T00:00:00.000Z"),
            ((2101, 3, 1), "2101-03-01T00:00:00.000Z"),
        ] {
            let (_folder, files) = made(until);
            assert_eq!(look_at(&files).unwrap().unwrap().to_string(), text);
        }
    }

    #[test]
    fn half_a_certificate_is_none_and_breaks_nothing() {
        let (_folder, files) = made((2027, 2, 28));
        let der = CertificateDer::from_pem_file(&files.cert).unwrap();
        for length in 0..der.len() {
            let _ = not_after(&der[..length]);
        }
        assert_eq!(not_after(&[SEQUENCE, 0xFF]), None);
        std::fs::write(&files.cert, "no certificate").unwrap();
        assert!(look_at(&files).is_err());
    }
}
