//! A queue as Asynq keeps it, on a Redis of our own: a hash for each task, a list of those that wait, one of those at work with a
//! lease, and scripts that move a task from one to the next. Ten workers with a connection each, as Asynq's.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Outcome, folder};

const WORKERS: u32 = 10;
/// Tasks that are put there without waiting for the answer to each.
const PIPELINE: u32 = 500;

const ENQUEUE: &str = "redis.call('HSET', KEYS[1], 'msg', ARGV[1], 'state', 'pending', 'pending_since', ARGV[2])\n\
                       redis.call('LPUSH', KEYS[2], ARGV[3]) return 1";
const DEQUEUE: &str = "local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[2])\n\
                       if not id then return '' end\n\
                       local key = 'q:t:' .. id\n\
                       redis.call('HSET', key, 'state', 'active')\n\
                       redis.call('HDEL', key, 'pending_since')\n\
                       redis.call('ZADD', KEYS[3], ARGV[1], id)\n\
                       return id";
const DONE: &str = "redis.call('LREM', KEYS[1], 0, ARGV[1])\n\
                    redis.call('ZREM', KEYS[2], ARGV[1])\n\
                    redis.call('DEL', KEYS[3])\n\
                    redis.call('INCR', KEYS[4]) return 1";

/// A Redis that ends with this.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Redis {
    /// Starts one that writes its log as `appendfsync` says; none when it is not installed.
    pub(crate) fn start(appendfsync: &str) -> Outcome<Option<Self>> {
        let dir = folder()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let started = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", appendfsync, "--dir"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn();
        let child = match started {
            Ok(child) => child,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(other) => return Err(other.into()),
        };
        let redis = Self { child, port, _dir: dir };
        let patience = Instant::now() + Duration::from_secs(10);
        while redis.connect().is_err() {
            if Instant::now() > patience {
                return Err("redis-server does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(redis))
    }

    fn connect(&self) -> Outcome<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        let mut connection = Connection { answers: BufReader::new(stream.try_clone()?), stream };
        connection.call(&["PING"])?;
        Ok(connection)
    }

    /// Puts so many tasks there; how long it takes the workers to do them.
    pub(crate) fn burn_down(&self, tasks: u32) -> Outcome<Duration> {
        let mut first = self.connect()?;
        for batch in 0..tasks.div_ceil(PIPELINE) {
            let ids: Vec<_> =
                (batch * PIPELINE..((batch + 1) * PIPELINE).min(tasks)).map(|id| id.to_string()).collect();
            for id in &ids {
                first.send(&["EVAL", ENQUEUE, "2", &format!("q:t:{id}"), "q:pending", "{}", "0", id])?;
            }
            ids.iter().try_for_each(|_| first.answer().map(drop))?;
        }
        let mut workers: Vec<_> = (0..WORKERS).map(|_| self.connect()).collect::<Outcome<_>>()?;
        let began = Instant::now();
        std::thread::scope(|scope| {
            let all: Vec<_> = workers.iter_mut().map(|connection| scope.spawn(|| work(connection))).collect();
            all.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
        })?;
        Ok(began.elapsed())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn work(connection: &mut Connection) -> Outcome {
    loop {
        let id = connection.call(&["EVAL", DEQUEUE, "3", "q:pending", "q:active", "q:lease", "9999999999"])?;
        if id.is_empty() {
            return Ok(());
        }
        connection.call(&["EVAL", DONE, "4", "q:active", "q:lease", &format!("q:t:{id}"), "q:processed", &id])?;
    }
}

struct Connection {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
}

impl Connection {
    fn call(&mut self, words: &[&str]) -> Outcome<String> {
        self.send(words)?;
        self.answer()
    }

    fn send(&mut self, words: &[&str]) -> Outcome {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        Ok(self.stream.write_all(request.as_bytes())?)
    }

    /// A simple answer, a number, or a text.
    fn answer(&mut self) -> Outcome<String> {
        let mut first = String::new();
        self.answers.read_line(&mut first)?;
        let first = first.trim_end();
        match first.as_bytes().first() {
            Some(b'+' | b':') => Ok(first[1..].to_owned()),
            Some(b'$') if first == "$-1" => Ok(String::new()),
            Some(b'$') => {
                let mut text = String::new();
                self.answers.read_line(&mut text)?;
                Ok(text.trim_end().to_owned())
            }
            _ => Err(format!("Redis answered {first}").into()),
        }
    }
}
