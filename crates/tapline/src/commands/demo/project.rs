//! The project of the demo: a real one, to read and to run again.

use std::fs;

use super::{KEY, folder};
use crate::failure::{Failure, Result};
use crate::project::{FILE_NAME, Project};

/// The only destination.
pub(super) const DESTINATION: &str = "warehouse";

/// What to try next.
pub(super) const NEXT: &str = "
Try next:
  tapline demo --serve                 keep the fake API running; then, in another terminal:
  cd tapline-demo
  cat tapline.yaml                     the project: it is short
  tapline backfill members             what changed before the first run's start
  tapline preview members
  tapline sql \"SELECT subject, status FROM tickets LIMIT 5\"
And in a folder of its own:
  tapline init --connector mailchimp   a project for your account";

/// Writes the project file for the API at `base_url`, and reads it as any project.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(base_url: &str, trusted: bool) -> Result<Project> {
    let path = folder::file(FILE_NAME);
    fs::write(&path, text(base_url, trusted)).map_err(|error| {
        Failure::usage(
            format!("cannot write {}: {error}", path.display()),
            "run the demo in a folder that can be written",
        )
    })?;
    Project::find(Some(&path))
}

fn text(base_url: &str, trusted: bool) -> String {
    let trust = if trusted {
        ""
    } else {
        "    trust: in-process\n"
    };
    format!(
        "\
# The project of `tapline demo`. The API it reads is a fake one, which runs only as long as the
# demo does; `tapline demo --serve` keeps it running.
version: 1

connections:
  shop:
    connector: mailchimp
    # A real key would not stand here: write ${{env:NAME}} or ${{file:PATH}}.
    auth: {{ specName: Basic Authentication, params: {{ username: any, password: {KEY} }} }}
    params: {{ host: \"{base_url}\" }}          # a real one: {{ domain: us1 }}
{trust}  support:
    connector: zendesk
    auth: {{ specName: Basic Authentication, params: {{ username: me@example.com/token, password: {KEY} }} }}
    params: {{ host: \"{base_url}\" }}          # a real one: {{ subdomain: acme }}
{trust}
destinations:
  {DESTINATION}: {{ type: sqlite, path: warehouse.db }}

pipelines:
  members:
    source: {{ connection: shop, stream: members, params: {{ listId: 57afe96172 }} }}
    destination: {{ name: {DESTINATION}, table: members }}
    # Only what has changed since the run before. The first one begins with that day.
    sync: {{ mode: incremental, cursor: last_changed, start: 2024-01-02 }}
  users:
    source: {{ connection: support, stream: users }}
    destination: {{ name: {DESTINATION}, table: users }}
    sync: {{ mode: full_load }}
  tickets:
    source: {{ connection: support, stream: tickets }}
    destination: {{ name: {DESTINATION}, table: tickets }}
    sync: {{ mode: full_load }}
"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_project_is_valid_with_and_without_trust() {
        for trusted in [true, false] {
            let text = text("http://127.0.0.1:1", trusted);
            let project = Project::read(Path::new("tapline.yaml"), text).unwrap();
            assert_eq!(project.file().pipelines.len(), 3);
        }
    }
}
