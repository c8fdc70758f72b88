//! The tables, as each version has made them.

use tapline_postgres::Steps;

pub(super) const TABLES: Steps = Steps {
    steps: &[FIRST],
    version_table: "schema_version",
    lock: 7824,
};

const FIRST: &str = r#"
CREATE TABLE documents (
    namespace text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    version bigint NOT NULL, value text NOT NULL,
    PRIMARY KEY (namespace, key)
);
CREATE TABLE log_ends (log text COLLATE "C" PRIMARY KEY, number bigint NOT NULL);
CREATE TABLE logs (
    log text COLLATE "C" NOT NULL, number bigint NOT NULL, at text NOT NULL, value text NOT NULL,
    PRIMARY KEY (log, number)
);
CREATE TABLE leases (
    name text COLLATE "C" PRIMARY KEY, fence bigint NOT NULL, holder text NOT NULL
);
CREATE TABLE secrets (name text COLLATE "C" PRIMARY KEY, sealed bytea NOT NULL);
"#;
