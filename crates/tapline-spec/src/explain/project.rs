//! What is wrong with a project file.

use super::Explanation;

pub(super) const ALL: &[Explanation] = &[
    Explanation {
        code: "L-undeclared-column",
        title: "a cursor or key that no column has",
        text: "The stream declares its columns, and the field is not among them. It may be a typing error; if the source really sends it, declare it in the `schema` of the spec.",
        example_bad: "sync: { mode: incremental, cursor: udpated_at }",
        example_good: "sync: { mode: incremental, cursor: updated_at }",
    },
    Explanation {
        code: "E-connector",
        title: "a connector that cannot be had",
        text: "It is no plugin beside the program, no spec file, and not `rest`.",
        example_bad: "connector: mailchmp",
        example_good: "connector: mailchimp",
    },
    Explanation {
        code: "E-file",
        title: "a file that cannot be read",
        text: "Paths are relative to the folder of the project file.",
        example_bad: "connector: spec/shop.json",
        example_good: "connector: specs/shop.json",
    },
    Explanation {
        code: "E-interval",
        title: "a schedule that cannot be kept",
        text: "A single run has neither `interval` nor `backfill`; runs by the minute are at least 15 minutes apart.",
        example_bad: "schedule: { frequency: minute, interval: 5 }",
        example_good: "schedule: { frequency: minute, interval: 15 }",
    },
    Explanation {
        code: "E-deletions",
        title: "deletions that cannot be known, or change nothing",
        text: "`incremental_with_qualify` knows that a record is deleted by a `field` of it, or because a complete run of everything did not bring it (`absent`). What is absent is known only of a source that is read to its very end.",
        example_bad: "sync: { mode: full_append, deletions: { field: is_deleted } }",
        example_good: "sync: { mode: incremental_with_qualify, cursor: updated_at, primary_keys: [id], deletions: { field: is_deleted, action: hard } }",
    },
    Explanation {
        code: "E-no-cursor",
        title: "new records cannot be told from old ones",
        text: "An incremental pipeline asks for what is new since its `cursor`, which the spec or the project names.",
        example_bad: "sync: { mode: incremental }",
        example_good: "sync: { mode: incremental, cursor: updated_at }",
    },
    Explanation {
        code: "E-no-key",
        title: "nothing tells which records are versions of one",
        text: "`incremental_with_qualify` keeps the latest version of each record in a table of its own, and knows a record by its `primary_keys`, which the spec or the project names.",
        example_bad: "sync: { mode: incremental_with_qualify, cursor: updated_at }",
        example_good: "sync: { mode: incremental_with_qualify, cursor: updated_at, primary_keys: [id] }",
    },
    Explanation {
        code: "E-not-supported",
        title: "something that this version does not do",
        text: "The file is right, and this version of tapline cannot do what it says.",
        example_bad: "sync: { mode: incremental }",
        example_good: "sync: { mode: full_load }",
    },
    Explanation {
        code: "E-project",
        title: "a project file that cannot be used",
        text: "It fits its schema, and still has no meaning. This is a fault of tapline.",
        example_bad: "version: 1",
        example_good: "version: 1",
    },
    Explanation {
        code: "E-secret",
        title: "a secret that cannot be had",
        text: "`${env:NAME}` is an environment variable, `${file:PATH}` a file; `$${` stands for `${` itself.",
        example_bad: "password: ${ENV:KEY}",
        example_good: "password: ${env:KEY}",
    },
    Explanation {
        code: "E-state",
        title: "a state that cannot be kept",
        text: "The state is kept in an SQLite file, or in a PostgreSQL database that many runners share.",
        example_bad: "state: mysql://ann@localhost/tapline",
        example_good: "state: postgres://ann:${env:PGPASSWORD}@localhost/tapline",
    },
    Explanation {
        code: "E-streams",
        title: "streams of another connector",
        text: "Only the connector `rest` gets its streams from the project.",
        example_bad: "connector: mailchimp\nstreams: { a: a.json }",
        example_good: "connector: rest\nstreams: { a: a.json }",
    },
    Explanation {
        code: "E-table",
        title: "a table that cannot be written",
        text: "Its name is reserved, or another pipeline fills it.",
        example_bad: "table: sqlite_master",
        example_good: "table: members",
    },
    Explanation {
        code: "E-unknown-name",
        title: "a name that is not there",
        text: "A pipeline names a connection or a destination that the project does not have.",
        example_bad: "destination: { name: lake, table: t }",
        example_good: "destination: { name: warehouse, table: t }",
    },
];
