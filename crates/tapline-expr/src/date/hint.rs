//! What was most likely meant by a format that is none of .NET's.

/// For `%Y-%m-%d`.
pub(super) const STRFTIME: &str = "it looks like strftime's; .NET's is written without `%`, such \
                                   as `yyyy-MM-ddTHH:mm:ssK`";

/// Letters of Java, Python, Moment and others, and what .NET has instead.
const LOOKALIKES: [(&str, &str); 9] = [
    ("Y", "the year is `yyyy`"),
    ("D", "the day of the month is `dd`"),
    ("S", "the seconds are `ss`, and digits of a fraction `fff`"),
    ("nN", "digits of a fraction are `fff`"),
    ("aAp", "AM and PM are `tt`"),
    ("Ee", "the day of the week is `ddd` or `dddd`"),
    ("Xx", "the offset is `zzz`, or `K` for `Z`"),
    ("L", "the month is `MM`, `MMM` or `MMMM`"),
    ("k", "the hour is `HH`, or `hh` of 12"),
];

/// What to write instead of `letter`, which stands `count` times at `column` of `text`.
pub(super) fn unknown(text: &str, letter: char, count: usize, column: usize) -> String {
    let run: String = std::iter::repeat_n(letter, count.min(8)).collect();
    let place = if text.chars().count() > 1 {
        format!("`{run}` at column {column} is no specifier")
    } else {
        format!("`{run}` is no specifier")
    };
    let known = LOOKALIKES.iter().find(|(own, _)| own.contains(letter));
    match known {
        Some((_, instead)) => format!("{place}: {instead}"),
        None => format!("{place}; a text stands in quotes, as in `'week' dd`"),
    }
}

/// What to say about another spelling of one of our own names.
pub(super) fn misspelt_name(text: &str) -> Option<String> {
    let plain: String = text
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let meant = match plain.as_str() {
        "epoch" | "epochs" | "epochsec" | "epochseconds" | "unix" | "unixtime" | "timestamp" => {
            "epoch_s"
        }
        "epochms" | "epochmillis" | "epochmilliseconds" | "unixms" => "epoch_ms",
        "iso" | "iso8601" | "rfc3339" => "iso8601",
        _ => return None,
    };
    Some(format!("did you mean `{meant}`?"))
}
