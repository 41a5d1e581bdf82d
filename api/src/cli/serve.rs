//! `nexavpn serve`

use nexavpn_commands::FirstAdmin;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    CliError, Context, PASSWORD_VARIABLE,
    output::{frame, out},
};
use crate::{
    config::ServeArgs,
    serve::{Running, ServeOptions, start},
};

pub(super) async fn run(context: Context, args: ServeArgs) -> Result<(), CliError> {
    let options = ServeOptions::from_args(context.database, args, context.password)?;
    raise_file_limit();
    let mut signals = Signals::new()?;
    let mut hangup = listen(SignalKind::hangup())?;
    let starting = start(options);
    let mut running = tokio::select! {
        started = starting => started?,
        // What has been started by then stops as it is dropped.
        () = signals.any() => return Ok(()),
    };
    announce(&running);
    let ended = loop {
        tokio::select! {
            error = running.ended() => break Some(error),
            () = signals.any() => break None,
            _ = hangup.recv() => running.reload(),
        }
    };
    if let Some(error) = ended {
        running.shutdown().await?;
        return Err(error.into());
    }
    out("Stopping. Again to stop at once.");
    tokio::select! {
        stopped = running.shutdown() => Ok(stopped?),
        // The embedded database recovers at the next start.
        () = signals.any() => Err(CliError::Said("stopped at once".into())),
    }
}

/// Every connection is a file, and the usual soft limit of 1,024 is less than we take.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const WANTED: u64 = 65_536;
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(WANTED)), hard)
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// What a person wants to know now. On standard output, not in the log: a password is shown to
/// whoever starts the server, and kept nowhere.
fn announce(running: &Running) {
    out("");
    out(&format!("  NexaVPN {} answers at  {}", env!("CARGO_PKG_VERSION"), running.base_url));
    out(&format!("  Its data is in  {}", running.place));
    out("");
    if let Some(why) = running.read_only() {
        frame(&[
            "READ-ONLY: ".to_owned() + &why,
            "If this is the history to go on from:  nexavpn restore accept".to_owned(),
        ]);
        out("");
    }
    if let Some(admin) = &running.first_admin {
        frame(&credentials("The first admin has been made:", admin));
        out("");
    }
    out("  Ctrl-C stops it.");
}

/// How somebody learns a one-time password.
pub(super) fn credentials(title: &str, admin: &FirstAdmin) -> Vec<String> {
    let password = admin.password.as_ref().map(|password| password.expose().to_owned());
    let last = match &password {
        Some(_) => "Shown only this once; it must be changed at the first login.",
        None => "It must be changed at the first login.",
    };
    let password = password.unwrap_or_else(|| format!("the one in {PASSWORD_VARIABLE}"));
    vec![
        title.to_owned(),
        String::new(),
        format!("  username  {}", admin.username),
        format!("  password  {password}"),
        String::new(),
        last.to_owned(),
    ]
}

/// The two ways in which a server is told to stop.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::Said(format!("cannot take signals: {error}")))
}
