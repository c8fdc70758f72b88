//! A connector for tests: signs every request in its `prepare_request` hook, and tries the
//! connection in its `check` hook.
//!
//! The signature is a keyed FNV-1a hash, so that a fake server can verify it in ten lines. It
//! protects nothing.

use tapline_plugin::{Check, Config, Connector, Ctx, Error, Hooks, Level, Request};

struct Signer {
    host: String,
    key: String,
}

impl Connector for Signer {
    const SPEC: &'static str = include_str!("../spec.json");
    const HOOKS: Hooks = Hooks::PREPARE_REQUEST.and(Hooks::CHECK);

    fn open(config: Config) -> Result<Self, Error> {
        Ok(Self {
            host: config.require("host")?.to_owned(),
            key: config.require("key")?.to_owned(),
        })
    }

    async fn prepare_request(&self, _: &Ctx<'_>, request: Request) -> Result<Request, Error> {
        Ok(self.signed(request))
    }

    async fn check(&self, ctx: &Ctx<'_>) -> Result<Check, Error> {
        let request = Request::get(format!("{}/items?limit=1", self.host));
        let response = ctx.http(self.signed(request)).await?;
        ctx.remember("last_check", &ctx.now().into()).await?;
        ctx.log(Level::Info, &format!("checked with key {}", self.key));
        Ok(Check {
            ok: response.status == 200,
            message: format!("GET /items answered {}", response.status),
        })
    }
}

impl Signer {
    fn signed(&self, mut request: Request) -> Request {
        let signature = signature(&self.key, &request.method, request.target());
        request.set_header("x-tapline-signature", signature);
        request
    }
}

/// Lower-case hexadecimal FNV-1a (64 bits) of `<key>\n<method>\n<path and query>`.
fn signature(key: &str, method: &str, target: &str) -> String {
    let text = format!("{key}\n{method}\n{target}");
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

tapline_plugin::export_connector!(Signer);
