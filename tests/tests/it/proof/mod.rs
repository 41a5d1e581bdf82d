//! The transparency log: that nobody edits the events unnoticed, shown by editing them.
//!
//! Trees and proofs are compared with `ct-merkle`, which shares no code with what makes them.

mod archives;
mod endpoints;
mod growth;
mod offline;
mod signing;
mod tampering;
mod vandal;

use std::time::Duration;

use chrono::{DateTime, Utc};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use nexavpn_domain::{
    Decider,
    group::{Group, GroupCommand},
    ids::UserId,
    user::{User, UserCommand},
    values::Role,
};
use nexavpn_proof::Hash;
use nexavpn_store::{
    Actor, Append, Archive, ArchiveRange, Keyring, LogKey, LogTree, MasterKey, Metadata, Options,
    Store, Stream,
};
use nexavpn_tests::harness::{TestDb, poll_until};
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;

/// The whole tree of another implementation.
type Reference = MemoryBackedTree<Sha256, Vec<u8>>;

/// A store with a log, and the key of it.
struct Recorded {
    store: Store,
    tree: LogTree,
    key: LogKey,
    // Dropped last.
    db: TestDb,
}

impl Recorded {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let store = open(&db.pool).await;
        let key = LogKey::open_or_make(store.keyring(), Some("log.example.org"), &[5; 32]);
        let key = key.await.unwrap();
        Self { tree: store.log_tree(), store, key, db }
    }

    /// Appends so many events of persons and groups, in their order and in the tree.
    async fn events(&self, count: usize) {
        let mut person = None;
        for n in 0..count {
            if n % 3 == 0 {
                let user = UserId(id());
                person = Some(user);
                command::<User>(&self.store, user.0, person_named(&format!("p{}", id())), None)
                    .await;
            } else {
                let name = format!("g{}", id());
                let create =
                    GroupCommand::Create { name, description: String::new(), members: vec![] };
                command::<Group>(&self.store, id(), create, person).await;
            }
        }
        self.catch_up().await;
    }

    /// Waits until every event has its number, which transactions of other tests delay, and is in
    /// the tree.
    async fn catch_up(&self) {
        let all = "SELECT (SELECT count(*) FROM events) = (SELECT idx FROM log_head)";
        poll_until(Duration::from_secs(30), async || {
            self.store.sequence_once().await.unwrap();
            sqlx::query_scalar(all).fetch_one(&self.db.pool).await.unwrap()
        })
        .await;
        self.tree.catch_up().await.unwrap();
    }

    async fn size(&self) -> u64 {
        self.tree.state().await.unwrap().size
    }

    /// Signs the present state.
    async fn checkpoint(&self) -> String {
        self.tree.checkpoint(&self.key, now()).await.unwrap().1
    }

    /// What `nexavpn verify` finds.
    async fn problems(&self) -> Vec<String> {
        let report = nexavpn_store::verify(&self.db.pool, self.store.keyring()).await;
        report.unwrap().problems
    }

    /// An archive of a range, the newest events where `to` is none.
    async fn archive(&self, from: u64, to: Option<u64>, kept: &[u64]) -> String {
        let checkpoint = self.tree.checkpoint(&self.key, now()).await.unwrap();
        let to = to.unwrap_or(checkpoint.0.size);
        let range = ArchiveRange { from, to, kept: kept.to_vec(), checkpoint };
        let mut archive = Archive::begin(self.tree.clone(), range).await.unwrap();
        let mut text = String::new();
        while let Some(lines) = archive.lines().await.unwrap() {
            text.push_str(&lines);
        }
        text
    }

    /// Every tile, by place.
    async fn tiles(&self) -> Vec<(i16, i64, Vec<u8>)> {
        let tiles = "SELECT level, n, hashes FROM log_tile ORDER BY level, n";
        sqlx::query_as(tiles).fetch_all(&self.db.pool).await.unwrap()
    }

    /// The tree of another implementation over the leaves' bytes.
    async fn reference(&self, size: u64) -> Reference {
        let mut tree = Reference::new();
        let leaves = self.tree.leaves(0, size).await.unwrap();
        leaves.iter().for_each(|leaf| tree.push(leaf.bytes().unwrap()));
        tree
    }
}

async fn open(pool: &PgPool) -> Store {
    let keyring = Keyring::open(pool.clone(), MasterKey::from_bytes([7; 32])).await.unwrap();
    Store::open(pool.clone(), keyring, Options::default()).await.unwrap()
}

fn id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_219_200, 0).unwrap()
}

fn person_named(name: &str) -> UserCommand {
    UserCommand::Create {
        username: name.into(),
        display_name: format!("The {name}"),
        email: None,
        role: Role::User,
        must_change_password: false,
    }
}

/// Load, decide, append; with an address where a person acts, so that metadata is sealed too.
async fn command<A: Decider>(store: &Store, id: Uuid, command: A::Command, by: Option<UserId>) {
    let loaded = store.load::<A>(id).await.unwrap();
    let events = loaded.state.decide(command).unwrap();
    let mut metadata = Metadata::system("test", self::id());
    if let Some(by) = by {
        metadata.actor = Actor::User(by);
        metadata.client_address = Some([192, 0, 2, 7].into());
    }
    let stream = Stream::new::<A>(id, loaded.sequence, events);
    store.append(Append::new(vec![stream], metadata)).await.unwrap();
}

fn theirs(tree: &Reference) -> Hash {
    Hash((*tree.root().as_bytes()).into())
}
