//! A mail server that says what a closure says, and remembers what it was told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aviary_kernel::base::Env;
use aviary_kernel::config::SmtpSecurity;
use aviary_remote::mail::{Smtp, SmtpOptions};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What the server does with a line. The greeting is asked for with an empty one, the end of a mail with `.`.
pub(crate) enum Does {
    Says(String),
    HangsUp,
    Waits,
}

pub(crate) fn says(text: &str) -> Does {
    Does::Says(text.to_owned())
}

/// Takes every mail.
pub(crate) fn friendly(line: &str) -> Does {
    says(match line.split([' ', ':']).next().unwrap() {
        "" => "220 reef.example ESMTP",
        "EHLO" => "250-reef.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
        "AUTH" => "235 2.7.0 welcome",
        "DATA" => "354 go ahead",
        "." => "250 2.0.0 Ok: queued as 4XYZ",
        "QUIT" => "221 2.0.0 bye",
        _ => "250 2.1.0 Ok",
    })
}

pub(crate) struct Server {
    pub(crate) port: u16,
    told: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(does: impl Fn(&str) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, told) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let (does, log) = (Arc::new(does), told.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (does, log) = (does.clone(), log.clone());
                tokio::spawn(async move { serve(BufReader::new(stream), &*does, &log).await });
            }
        });
        Self { port, told }
    }

    /// All lines, the mails among them.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// The first words of all commands.
    pub(crate) fn commands(&self) -> Vec<String> {
        let (mut words, mut is_mail) = (Vec::new(), false);
        for line in self.told() {
            if !is_mail {
                words.push(line.split([' ', ':']).next().unwrap().to_owned());
            }
            is_mail = if is_mail { line != "." } else { line == "DATA" };
        }
        words
    }

    pub(crate) fn options(&self) -> SmtpOptions {
        SmtpOptions {
            host: "127.0.0.1".into(),
            port: self.port,
            security: SmtpSecurity::None,
            user: Some("aviary".into()),
            password: Some("open sesame".into()),
            timeout: Duration::from_secs(20),
            ca_file: None,
        }
    }

    pub(crate) fn client(&self) -> Smtp {
        Smtp::new(self.options(), Env::system()).unwrap()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    does: &impl Fn(&str) -> Does,
    log: &Mutex<Vec<String>>,
) {
    let (mut line, mut is_mail) = (String::new(), false);
    loop {
        if !is_mail || line == "." {
            match does(&line) {
                Does::Says(text) => {
                    is_mail = text.starts_with("354");
                    if stream.write_all(format!("{text}\r\n").as_bytes()).await.is_err() {
                        return;
                    }
                }
                Does::HangsUp => return,
                Does::Waits => std::future::pending().await,
            }
        }
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        log.lock().unwrap().push(line.clone());
    }
}
