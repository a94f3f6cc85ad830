//! The table of docs/moderation.md: of what should be found, how much is, and of what is found, how much should be.

use visavis_workers::read::Reader;

/// Lines that begin with + are hostile.
const SAID: &str = include_str!("said.txt");
/// The same, which whoever wrote the rules had seen.
const KNOWN: &str = include_str!("known.txt");
/// From which score on the rules that come along count what is said, and what is written.
const FROM: [u16; 2] = [850, 900];
/// What was found when the table was written, of each: hostile lines, and others. One line more or less is no other model.
const FOUND: [(usize, usize); 2] = [(35, 2), (35, 1)];
const FOUND_OF_KNOWN: [(usize, usize); 2] = [(102, 4), (102, 4)];

#[test]
fn the_table_of_what_is_found_in_texts_holds() {
    check("nobody had seen", SAID, FOUND);
    check("known", KNOWN, FOUND_OF_KNOWN);
}

fn check(which: &str, said: &str, found: [(usize, usize); 2]) {
    let mut reader = Reader::open(&super::models()).unwrap();
    let lines = said.lines().filter(|line| !line.starts_with('#'));
    let scored: Vec<(bool, &str, u16)> = lines
        .filter_map(|line| line.split_once(' '))
        .map(|(sign, text)| (sign == "+", text, reader.read(text).unwrap().hostile))
        .collect();
    let all = |hostile| scored.iter().filter(|(is, ..)| *is == hostile).count();
    for (from, expected) in FROM.into_iter().zip(found) {
        let found = |hostile| scored.iter().filter(|(is, _, score)| *is == hostile && *score >= from).count();
        let (right, wrong) = (found(true), found(false));
        println!(
            "| {which}, from {from} | {right} of {} hostile lines | {wrong} of {} others | precision {:.2} | recall {:.2} |",
            all(true),
            all(false),
            right as f64 / (right + wrong).max(1) as f64,
            right as f64 / all(true) as f64,
        );
        for (is, text, score) in scored.iter().filter(|(is, _, score)| (*score >= from) != *is) {
            println!("    {} {score:>4} {text}", if *is { "missed" } else { "wrongly" });
        }
        assert!(right.abs_diff(expected.0) <= 1 && wrong.abs_diff(expected.1) <= 1, "{right}, {wrong}");
    }
}

/// One message takes no longer than this, five times what it may: a machine has much else to do.
const ONE_MESSAGE: std::time::Duration = std::time::Duration::from_millis(250);

#[test]
fn no_message_however_it_is_written_keeps_others_waiting() {
    let (mut reader, clock) = (Reader::open(&super::models()).unwrap(), visavis_platform::Clock::System);
    let long = |text: &str| text.chars().cycle().take(2_000).collect::<String>();
    for text in [
        "\u{FDFA}",
        "😀",
        "สวัสดี",
        "界",
        "مرحبا",
        "i will really fucking ",
        "k i l l ",
        "he said you are so ",
        "ü\u{332}i ",
        ".",
    ] {
        let text = long(text);
        // The fastest of some: what the text takes, not what the machine does beside.
        let took = (0..5).map(|_| {
            let began = clock.instant();
            reader.read(&text).unwrap();
            clock.instant() - began
        });
        let took = took.min().unwrap();
        assert!(took <= ONE_MESSAGE, "{took:?} for {:?}…", text.chars().take(9).collect::<String>());
    }
}
