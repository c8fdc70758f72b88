//! A connector for tests: fails in every way a connector can. The parameter `fault` says how.

use tapline_plugin::{
    Check, Config, Connector, Ctx, Error, Hooks, Page, Position, Request, Slice, Window,
};

struct Faulty {
    fault: String,
    /// Said in panics, as careless connectors do.
    token: String,
}

impl Connector for Faulty {
    const SPEC: &'static str = include_str!("../spec.json");
    const HOOKS: Hooks = Hooks::PREPARE_REQUEST
        .and(Hooks::NEXT_POSITION)
        .and(Hooks::TRANSFORM_PAGE)
        .and(Hooks::PARTITIONS)
        .and(Hooks::CHECK);

    fn open(config: Config) -> Result<Self, Error> {
        let fault = config.get("fault").unwrap_or_default().to_owned();
        let token = config.get("token").unwrap_or_default().to_owned();
        assert!(fault != "open", "faulty in open{token}");
        Ok(Self { fault, token })
    }

    async fn prepare_request(&self, _: &Ctx<'_>, mut request: Request) -> Result<Request, Error> {
        match self.fault.as_str() {
            "url" => request.url = "no url".to_owned(),
            "origin" => request.url = "https://elsewhere.example/".to_owned(),
            "method" => request.method = "G E T".to_owned(),
            "header" => request.set_header("x-split", "a\r\nb"),
            "wide" => request.set_header("x-wide", "\u{20ac}"),
            _ => panic!("faulty in prepare_request{}", self.token),
        }
        Ok(request)
    }

    async fn next_position(
        &self,
        _: &Ctx<'_>,
        page: Page,
        _: &[u8],
    ) -> Result<Option<Position>, Error> {
        let length = if self.fault == "position" { 70_000 } else { 7 };
        let token = format!("{}{}", page.seq, "x".repeat(length));
        Ok(Some(Position::Token(token)))
    }

    async fn transform_page(&self, _: &Ctx<'_>, _: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
        match self.fault.as_str() {
            "none" => Ok(body.to_vec()),
            fault => Err(Error::new(format!("no JSON, says {fault}"))),
        }
    }

    async fn partitions(&self, _: &Ctx<'_>, _: Window) -> Result<Vec<Slice>, Error> {
        let token = &self.token;
        assert!(self.fault != "partitions", "faulty in partitions{token}");
        let partition = "eu".to_owned();
        let start = Some("yesterday".to_owned());
        let window = Window { start, end: None };
        Ok(vec![Slice { partition, window }])
    }

    async fn check(&self, ctx: &Ctx<'_>) -> Result<Check, Error> {
        let response = ctx.http(Request::get("http://127.0.0.1:9/")).await?;
        panic!("faulty after a response with status {}", response.status);
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        assert!(self.fault != "drop", "faulty in drop{}", self.token);
    }
}

tapline_plugin::export_connector!(Faulty);
