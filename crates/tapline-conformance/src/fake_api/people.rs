//! Names, places and words that records are made of.

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Aisha",
    "Björn",
    "Chloé",
    "Daniel",
    "Emeka",
    "Fatima",
    "Grace",
    "Hiroshi",
    "Ines",
    "João",
    "Katarzyna",
    "Liam",
    "Mei",
    "Noah",
    "Olga",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Tomás",
    "Ursula",
    "Viktor",
    "Wanjiru",
    "Ximena",
    "Yusuf",
    "Zoë",
    "山田",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Almeida", "Brown", "Chen", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ivanova",
    "Jensen", "Kowalski", "Lovelace", "Müller", "Nakamura", "O'Brien", "Patel", "Quispe", "Rossi",
    "Smith", "Tanaka", "Usman", "Vega", "Wójcik", "Yılmaz", "Zhang",
];

pub(super) const CITIES: &[&str] = &[
    "Accra",
    "Berlin",
    "Cusco",
    "Dhaka",
    "Edinburgh",
    "Fukuoka",
    "Graz",
    "Hanoi",
    "Istanbul",
    "Lisboa",
    "México",
    "Nairobi",
];

pub(super) const TIME_ZONES: &[&str] = &[
    "Africa/Nairobi",
    "America/New_York",
    "Asia/Tokyo",
    "Europe/Berlin",
    "Pacific/Auckland",
];

pub(super) const COUNTRIES: &[&str] = &["BR", "DE", "ES", "JP", "KE", "NZ", "US"];

pub(super) const LANGUAGES: &[&str] = &["de", "en", "es", "fr", "ja", "pt"];

pub(super) const TAGS: &[&str] = &["2024 Customer", "Influencer", "Newsletter", "Staff", "VIP"];

pub(super) const SUBJECTS: &[&str] = &[
    "Help, my printer is on fire!",
    "Invoice shows the wrong address",
    "Cannot sign in after the update",
    "Wie ändere ich mein Passwort?",
    "Refund for order \"A-17\"",
];
