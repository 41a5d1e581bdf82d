//! Many users at once, out of a file.
//!
//! A file is looked at as a whole first, so that a person corrects everything once. Then its rows
//! are created in groups of a few, each group in one append together with the memberships: so many
//! that it is fast, and so few that nobody else waits for it.

use std::{collections::HashMap, time::Instant};

use futures::{StreamExt as _, stream};
use nexavpn_domain::{
    DomainError, FieldError, Problems,
    event::{Claim, ClaimKind},
    group::{Group, GroupCommand},
    ids::{GroupId, UserId},
};
use nexavpn_store::Position;

use crate::{
    CommandError, Commands, Done, NewUser, Request,
    transact::Plan,
    users::{CheckedUser, plan_user},
};

/// How many rows one append creates.
const TOGETHER: usize = 50;
/// How many passwords of an import are hashed at once; sign-ins wait for the same processors.
const HASHES: usize = 2;

/// A row of a file.
#[derive(Debug, Clone)]
pub struct ImportRow {
    /// Its number in the file, for messages.
    pub number: u64,
    /// Whom to create.
    pub user: NewUser,
    /// The names of the groups to be a member of.
    pub groups: Vec<String>,
    /// What was wrong with it already as it was read. The rest is then not looked at.
    pub problems: Vec<FieldError>,
}

/// Rows that were looked at.
pub struct Import {
    rows: Vec<Row>,
}

/// What is known of a row.
struct Row {
    number: u64,
    id: UserId,
    state: RowState,
}

enum RowState {
    Bad(Vec<FieldError>),
    Ready(Box<CheckedUser>, Vec<GroupId>),
    /// By the same request, which was cut off.
    CreatedBefore,
}

/// What became of a row.
#[derive(Debug)]
pub enum Imported {
    /// The user exists now.
    Created(UserId),
    /// The row is wrong.
    Bad(Vec<FieldError>),
    /// The row is right, but the user could not be created.
    Failed(CommandError),
    /// The time was over before its turn.
    NotTried,
}

impl Import {
    /// What is wrong with each row, in order; nothing with one that can be imported.
    pub fn problems(&self) -> impl Iterator<Item = &[FieldError]> {
        self.rows.iter().map(|row| match &row.state {
            RowState::Bad(problems) => problems.as_slice(),
            RowState::Ready(..) | RowState::CreatedBefore => &[],
        })
    }
}

impl Commands {
    /// Looks at the rows of a file: their values, names that occur twice or are taken, groups that
    /// do not exist. Changes nothing.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn check_import(
        &self,
        request: &Request,
        rows: Vec<ImportRow>,
    ) -> Result<Import, CommandError> {
        let name_key = |row: &ImportRow| {
            let name = row.user.username.trim();
            self.claim_key(&Claim::folded(ClaimKind::Username, Some(name))).unwrap_or_default()
        };
        let group_key = |name: &str| name.trim().to_lowercase();
        let name_keys: Vec<String> = rows.iter().map(name_key).collect();
        let group_keys: Vec<String> =
            rows.iter().flat_map(|row| &row.groups).map(|name| group_key(name)).collect();
        let taken = self.claim_holders(ClaimKind::Username, &name_keys).await?;
        let groups = self.claim_holders(ClaimKind::GroupName, &group_keys).await?;

        let mut first_with: HashMap<&str, u64> = HashMap::with_capacity(rows.len());
        let mut checked = Vec::with_capacity(rows.len());
        for ((at, row), key) in rows.into_iter().enumerate().zip(&name_keys) {
            let ImportRow { number, user, groups: names, problems } = row;
            let id = self.import_id(request, at);
            if !problems.is_empty() {
                checked.push(Row { number, id, state: RowState::Bad(problems) });
                continue;
            }
            let mut problems = Problems::default();
            let named = !user.username.trim().is_empty();
            let user = self.check_user(user, &mut problems).await?;
            if let Some(first) = first_with.get(key.as_str()).filter(|_| named) {
                problems.add("username", format!("is that of row {first} too"));
            } else {
                first_with.insert(key, number);
            }
            let holder = taken.get(key).copied();
            if holder.is_some_and(|holder| holder != id.0) {
                problems.add("username", ClaimKind::Username.conflict_message());
            }
            let mut members_of = Vec::with_capacity(names.len());
            for name in &names {
                match groups.get(&group_key(name)) {
                    Some(group) => members_of.push(GroupId(*group)),
                    None => problems.add("groups", format!("there is no group {name:?}")),
                }
            }
            members_of.sort_unstable();
            members_of.dedup();
            let state = match (problems.finish(), user) {
                (Err(DomainError::Validation(problems)), _) => RowState::Bad(problems),
                (Ok(()), Some(_)) if holder == Some(id.0) => RowState::CreatedBefore,
                (Ok(()), Some(user)) => RowState::Ready(Box::new(user), members_of),
                (Err(_), _) | (_, None) => {
                    RowState::Bad(vec![FieldError::new("username", "is required")])
                }
            };
            checked.push(Row { number, id, state });
        }
        Ok(Import { rows: checked })
    }

    /// Creates the users of the good rows. Says of each row what became of it, in order. Nothing
    /// is begun after `last_begin`.
    pub async fn run_import(
        &self,
        request: &Request,
        import: Import,
        last_begin: Instant,
    ) -> Done<Vec<Imported>> {
        let mut outcome = Vec::with_capacity(import.rows.len());
        let mut newest = None;
        let mut rows = import.rows.into_iter().peekable();
        while rows.peek().is_some() {
            let together: Vec<Row> = rows.by_ref().take(TOGETHER).collect();
            if Instant::now() > last_begin {
                outcome.extend(together.into_iter().map(|row| match row.state {
                    RowState::Bad(problems) => Imported::Bad(problems),
                    RowState::CreatedBefore => Imported::Created(row.id),
                    RowState::Ready(..) => Imported::NotTried,
                }));
                continue;
            }
            let done = self.import_some(request, together).await;
            newest = newest.max(done.position);
            outcome.extend(done.value);
        }
        Done { value: outcome, position: newest }
    }

    /// Creates some rows in one append, or each by itself where one of them stands in the way.
    async fn import_some(&self, request: &Request, rows: Vec<Row>) -> Done<Vec<Imported>> {
        let hashed = rows.into_iter().map(|row| async move {
            let Row { number, id, state } = row;
            let (mut user, groups) = match state {
                RowState::Bad(problems) => return Err(Imported::Bad(problems)),
                RowState::CreatedBefore => return Err(Imported::Created(id)),
                RowState::Ready(user, groups) => (user, groups),
            };
            let hash = match user.password.take() {
                Some(password) => Some(self.hash_password(password).await),
                None => None,
            };
            let hash = hash.transpose().map_err(Imported::Failed)?;
            Ok(New { number, id, user, hash, groups })
        });
        let hashed: Vec<Result<New, Imported>> =
            stream::iter(hashed).buffered(HASHES).collect().await;
        let new: Vec<&New> = hashed.iter().flatten().collect();
        let all = self.create_imported(request, &new).await;
        let (mut position, mut each) = (None, HashMap::new());
        match all {
            Ok(done) => position = done,
            Err(_) => {
                for one in &new {
                    match self.create_imported(request, &[one]).await {
                        Ok(done) => position = position.max(done),
                        Err(error) => drop(each.insert(one.id, error)),
                    }
                }
            }
        }
        let value = hashed.into_iter().map(|row| match row {
            Err(settled) => settled,
            Ok(new) => match each.remove(&new.id) {
                Some(error) => Imported::Failed(error),
                None => Imported::Created(new.id),
            },
        });
        Done { value: value.collect(), position }
    }

    async fn create_imported(
        &self,
        request: &Request,
        rows: &[&New],
    ) -> Result<Option<Position>, CommandError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let part = request.part(format!("rows {} to {}", first.number, last.number));
        let mut members: Vec<(GroupId, UserId)> =
            rows.iter().flat_map(|row| row.groups.iter().map(|group| (*group, row.id))).collect();
        members.sort_unstable();
        let members = &members;
        let done = self.transact(&part, "user", || async move {
            let mut plan = Plan::new(());
            for row in rows {
                plan_user(&mut plan, row.id, &row.user, row.hash.clone())?;
            }
            for joining in members.chunk_by(|a, b| a.0 == b.0) {
                let Some((group, _)) = joining.first() else { continue };
                let loaded = self.store.load::<Group>(group.0).await?;
                let join = joining.iter().map(|(_, user)| GroupCommand::AddMember(*user));
                plan.decide_all(group.0, &loaded, join.collect())?;
            }
            Ok(plan)
        });
        Ok(done.await?.position)
    }

    /// The id that a row's user gets. Under an `Idempotency-Key` it follows from the request, so
    /// that a request that was cut off finds again what it has made.
    fn import_id(&self, request: &Request, row: usize) -> UserId {
        let Some(once) = &request.once else { return UserId(self.new_id()) };
        let name = format!("{} {} {row}", once.name(), hex::encode(&once.request_hash));
        UserId(self.derived_id("import_row", &name))
    }
}

/// A user about to be created.
struct New {
    number: u64,
    id: UserId,
    user: Box<CheckedUser>,
    hash: Option<String>,
    groups: Vec<GroupId>,
}
