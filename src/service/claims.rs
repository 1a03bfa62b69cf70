//! Ids of conversations that have just been taken: the list of conversations lags behind the journal by
//! moments, and in one of them two tenants must not get the same id.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vanna_journal::Position;

/// Claims beyond which settled ones are looked for.
const FEW: usize = 64;

#[derive(Debug)]
struct Claim {
    tenant: String,
    /// Where the journal ended when the question was answered; nothing while it is being asked.
    settled: Option<Position>,
}

#[derive(Debug, Default)]
struct Taken {
    claims: HashMap<String, Claim>,
    /// Number of claims at which settled ones are forgotten next.
    sweep_at: usize,
}

/// The ids that were taken since the list was last looked at.
#[derive(Debug, Default)]
pub(super) struct Claims {
    taken: Mutex<Taken>,
}

impl Claims {
    /// Takes an id for a tenant; false when another tenant has it, by an earlier claim or in the list.
    ///
    /// `reached` is the position that the list has taken in, read before `listed` is asked.
    ///
    /// # Errors
    /// Those of the list.
    pub(super) fn take<E>(
        &self,
        tenant: &str,
        id: &str,
        reached: impl FnOnce() -> Position,
        listed: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let mut taken = self.lock();
        if taken.claims.get(id).is_some_and(|claim| claim.tenant != tenant) || listed()? {
            return Ok(false);
        }
        if taken.claims.len() >= taken.sweep_at.max(FEW) {
            let reached = reached();
            taken.claims.retain(|_, claim| claim.settled.is_none_or(|at| at > reached));
            taken.sweep_at = taken.claims.len() * 2;
        }
        let claim = Claim { tenant: tenant.to_owned(), settled: None };
        taken.claims.insert(id.to_owned(), claim);
        Ok(true)
    }

    /// The question behind a claim was answered, or given up, when the journal ended at `head`.
    pub(super) fn settle(&self, id: &str, head: Position) {
        if let Some(claim) = self.lock().claims.get_mut(id) {
            claim.settled = Some(head);
        }
    }

    /// Whether another tenant has just taken an id.
    pub(super) fn is_taken(&self, tenant: &str, id: &str) -> bool {
        self.lock().claims.get(id).is_some_and(|claim| claim.tenant != tenant)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Claims, FEW};
    use std::collections::HashSet;
    use std::convert::Infallible;

    /// Takes ids while the list knows some, and has taken in a position.
    fn take(claims: &Claims, tenant: &str, id: &str, list: (&HashSet<String>, u64)) -> bool {
        let Ok(taken) = claims.take(tenant, id, || list.1, || Ok::<_, Infallible>(list.0.contains(id)));
        taken
    }

    #[test]
    fn an_id_has_one_tenant_however_far_the_list_lags() {
        let (claims, mut list) = (Claims::default(), HashSet::new());
        assert!(take(&claims, "acme", "c1", (&list, 0)));
        assert!(!take(&claims, "evil", "c1", (&list, 0)), "while the first is being asked");
        assert!(claims.is_taken("evil", "c1") && !claims.is_taken("acme", "c1"));
        assert!(take(&claims, "acme", "c1", (&list, 0)), "its own tenant may try again");
        claims.settle("c1", 1);
        for number in 0..FEW * 4 {
            assert!(take(&claims, "acme", &format!("d{number}"), (&list, 0)));
            claims.settle(&format!("d{number}"), 2);
            assert!(!take(&claims, "evil", "c1", (&list, 0)), "the list has not reached it");
        }
        list.insert("c1".to_owned());
        for number in 0..FEW * 8 {
            take(&claims, "acme", &format!("e{number}"), (&list, 1));
        }
        assert!(!claims.is_taken("evil", "c1"), "forgotten when the list has it");
        assert!(!take(&claims, "evil", "c1", (&list, 1)), "and the list says so");
        assert!(claims.is_taken("evil", "d1") && claims.is_taken("evil", "e1"));
    }
}
