//! What formats write, and which are none.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(format: &str, timestamp: &str, expected: &str) {
    let format: DateFormat = format.parse().unwrap();
    let timestamp: Timestamp = timestamp.parse().unwrap();
    assert_eq!(format.format(timestamp), expected, "{format}");
    assert_eq!(format.to_string().parse::<DateFormat>().unwrap(), format);
}

#[track_caller]
fn check_error(format: &str, expected: &str) {
    let error = format.parse::<DateFormat>().unwrap_err().to_string();
    let expected = format!("`{format}` is not a date format: {expected}");
    assert_eq!(error, expected);
}

#[test]
fn names_that_apis_need() {
    check(
        "iso8601",
        "2009-06-15T13:45:30.5Z",
        "2009-06-15T13:45:30.5Z",
    );
    check("epoch_s", "2009-06-15T13:45:30.999Z", "1245073530");
    check("epoch_ms", "2009-06-15T13:45:30.999Z", "1245073530999");
    check("epoch_s", "1969-12-31T23:59:59.5Z", "-1");
}

/// The values are those of Microsoft's pages on custom and standard formats.
#[test]
fn specifiers_mean_what_microsoft_says() {
    let cases = [
        ("d/M/yy", "2009-06-01T13:45:30Z", "1/6/09"),
        ("dd ddd dddd", "2009-06-15T13:45:30Z", "15 Mon Monday"),
        ("M MM MMM MMMM", "2009-06-15T13:45:30Z", "6 06 Jun June"),
        ("%f", "2009-06-15T13:45:30.6175Z", "6"),
        ("ff fff ffff", "2009-06-15T13:45:30.6175Z", "61 617 6175"),
        ("fffffff", "2009-06-15T13:45:30.6175425Z", "6175425"),
        ("ss.FFFFFFF", "2009-06-15T13:45:30.0500Z", "30.05"),
        ("ss.FFF", "2009-06-15T13:45:30Z", "30"),
        ("ss:FFF", "2009-06-15T13:45:30Z", "30:"),
        ("gg", "2009-06-15T13:45:30.6170Z", "A.D."),
        ("%h hh", "2009-06-15T13:45:30Z", "1 01"),
        ("h H", "2009-06-15T00:45:30Z", "12 0"),
        ("%H HH", "2009-06-15T01:45:30Z", "1 01"),
        ("%m mm", "2009-06-15T01:09:30Z", "9 09"),
        ("%s ss", "2009-06-15T13:45:09Z", "9 09"),
        ("%t tt", "2009-06-15T13:45:30Z", "P PM"),
        ("%t tt", "2009-06-15T01:45:30Z", "A AM"),
        (
            "%y yy yyy yyyy yyyyy",
            "0001-01-01T00:00:00Z",
            "1 01 001 0001 00001",
        ),
        (
            "%y yy yyy yyyy yyyyy",
            "2009-06-15T13:45:30Z",
            "9 09 2009 2009 02009",
        ),
        ("%K", "2009-06-15T13:45:30Z", "Z"),
        ("%z zz zzz", "2009-06-15T13:45:30Z", "+0 +00 +00:00"),
        ("'arr:' h:m t", "2009-06-15T13:45:30Z", "arr: 1:45 P"),
        ("\"arr:\" h:m t", "2009-06-15T13:45:30Z", "arr: 1:45 P"),
        (r"h \h", "2009-06-15T13:45:30Z", "1 h"),
        (
            "MM/dd/yy H:mm:ss zzz",
            "2011-06-10T15:24:16Z",
            "06/10/11 15:24:16 +00:00",
        ),
        ("MMMM dd, yyyy", "2011-06-10T00:00:00Z", "June 10, 2011"),
        ("d", "2009-06-15T13:45:30Z", "6/15/2009"),
        ("D", "2009-06-15T13:45:30Z", "Monday, June 15, 2009"),
        ("f", "2009-06-15T13:45:30Z", "Monday, June 15, 2009 1:45 PM"),
        (
            "F",
            "2009-06-15T13:45:30Z",
            "Monday, June 15, 2009 1:45:30 PM",
        ),
        ("g", "2009-06-15T13:45:30Z", "6/15/2009 1:45 PM"),
        ("G", "2009-06-15T13:45:30Z", "6/15/2009 1:45:30 PM"),
        ("m", "2009-06-15T13:45:30Z", "June 15"),
        (
            "o",
            "2009-06-15T13:45:30.6175425Z",
            "2009-06-15T13:45:30.6175425Z",
        ),
        ("R", "2009-06-15T13:45:30Z", "Mon, 15 Jun 2009 13:45:30 GMT"),
        ("s", "2009-06-15T13:45:30Z", "2009-06-15T13:45:30"),
        ("t", "2009-06-15T13:45:30Z", "1:45 PM"),
        ("T", "2009-06-15T13:45:30Z", "1:45:30 PM"),
        ("u", "2009-06-15T13:45:30Z", "2009-06-15 13:45:30Z"),
        ("Y", "2009-06-15T13:45:30Z", "June 2009"),
    ];
    for (format, timestamp, expected) in cases {
        check(format, timestamp, expected);
    }
}

#[test]
fn what_adobe_publishes_is_read() {
    let time = "2023-01-05T06:07:08.9012345Z";
    check("yyyy-MM-ddTHH:mm:ssZ", time, "2023-01-05T06:07:08Z");
    check("yyyy-MM-ddTHH:mm:ssK", time, "2023-01-05T06:07:08Z");
    check(
        "yyyy-MM-ddTHH:mm:ss:fffffffK",
        time,
        "2023-01-05T06:07:08:9012345Z",
    );
    check(
        "-dd-MM-yyyy-HH-mm-ss-ffff",
        time,
        "-05-01-2023-06-07-08-9012",
    );
    check("'year''s' yyyy", time, "years 2023");
}

#[test]
fn what_means_nothing_says_what_to_write() {
    check_error(
        "YYYY-MM-DD",
        "`YYYY` at column 1 is no specifier: the year is `yyyy`",
    );
    check_error(
        "yyyy-MM-DD",
        "`DD` at column 9 is no specifier: the day of the month is `dd`",
    );
    check_error(
        "HH:mm:ss.SSSX",
        "`SSS` at column 10 is no specifier: the seconds are `ss`, and digits of a fraction `fff`",
    );
    check_error(
        "HH:mmXXX",
        "`XXX` at column 6 is no specifier: the offset is `zzz`, or `K` for `Z`",
    );
    check_error(
        "yyyy-Www",
        "`W` at column 6 is no specifier; a text stands in quotes, as in `'week' dd`",
    );
    for strftime in ["%Y-%m-%d", "%d/%m/%y", "%Y"] {
        check_error(strftime, hint::STRFTIME);
    }
    check_error("", "it is empty");
    check_error("'T", "the quote at column 1 is not closed");
    check_error(r"yy\", r"nothing follows the last `\`");
    check_error("yy%", "`%` stands before a single specifier, as in `%d`");
    check_error(
        "ffffffff",
        "a second has at most 7 digits of a fraction, not 8",
    );
    check_error("Z", "a format of one letter is one of `dDfFUgGmMoOrRstTuy`");
    check_error("epochSeconds", "did you mean `epoch_s`?");
    check_error("ISO 8601", "did you mean `iso8601`?");
}

/// The date of a day, counted from 1970, by the rules of the calendar alone: four hundred years
/// after four hundred years, then year by year and month by month.
fn civil(day: i64) -> (i64, usize, i64) {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let cycle = 146_097;
    let mut year = 1970 + 400 * day.div_euclid(cycle);
    let mut left = day.rem_euclid(cycle);
    loop {
        let days = 365 + i64::from(leap(year));
        if left < days {
            break;
        }
        left -= days;
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= months[month] {
        left -= months[month];
        month += 1;
    }
    (year, month + 1, left + 1)
}

proptest! {
    #[test]
    fn times_agree_with_the_calendar(second in -62_135_596_800_i64..253_402_200_000, nano in 0..1_000_000_000_i32) {
        let timestamp = Timestamp::new(second, 0).unwrap() + jiff::SignedDuration::from_nanos(i64::from(nano));
        let (year, month, day) = civil(second.div_euclid(86_400));
        let clock = second.rem_euclid(86_400);
        let (hour, minute) = (clock / 3_600, clock / 60 % 60);
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        let weekday = weekday[usize::try_from(second.div_euclid(86_400).rem_euclid(7)).unwrap()];
        let half = if hour < 12 { "AM" } else { "PM" };
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let expected = format!(
            "{weekday} {year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{:07}Z {hour12}{half}",
            clock % 60,
            nano / 100,
        );
        let format: DateFormat = "ddd yyyy-MM-ddTHH:mm:ss.fffffffK htt".parse().unwrap();
        prop_assert_eq!(format.format(timestamp), expected);
    }

    #[test]
    fn no_text_is_too_odd(text in "[ -~]{0,24}|[dMyhHmsfFtgKz'\"%\\\\:/TZ]{0,12}|\\PC{0,8}") {
        if let Ok(format) = text.parse::<DateFormat>() {
            for timestamp in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                let _text = format.format(timestamp);
            }
            prop_assert_eq!(format.to_string(), text);
        }
    }
}

#[test]
fn a_slip_is_what_makes_two_times_look_the_same() {
    let slip = |format: &str| format.parse::<DateFormat>().unwrap().slip();
    assert!(slip("yyyy-mm-dd").unwrap().contains("`MM`"));
    assert!(slip("yyyy-MM-dd hh:mm").unwrap().contains("`HH`"));
    for good in [
        "yyyy-MM-ddTHH:mm:ssK",
        "hh:mm tt",
        "yyyy 'mm' MM",
        "g",
        "m",
        "epoch_s",
    ] {
        assert_eq!(slip(good), None, "{good}");
    }
}
