//! The ladder: customer, support, engineering, the maker of the other system. Escalation leads up it and never down.

use entity::escalation_policy::EscalationStep;
use entity::failure::ResponsibleParty;

/// How far up a party stands.
pub(super) fn rank(party: ResponsibleParty) -> u8 {
    match party {
        ResponsibleParty::Customer => 0,
        ResponsibleParty::Support => 1,
        ResponsibleParty::Engineering => 2,
        ResponsibleParty::ThirdParty => 3,
    }
}

/// The first step from a place on that does not lead down from whom it is with.
pub(super) fn next(steps: &[EscalationStep], from: usize, party: ResponsibleParty) -> Option<usize> {
    (from..steps.len()).find(|index| rank(steps[*index].party) >= rank(party))
}

#[cfg(test)]
mod tests {
    use entity::escalation_policy::EscalationStep;
    use entity::failure::ResponsibleParty::{self, Customer, Engineering, Support, ThirdParty};

    use super::next;

    #[test]
    fn steps_that_would_lead_down_are_left_out() {
        let step = |party: ResponsibleParty| EscalationStep { after_seconds: 60, party, repeat_count: 0 };
        let steps = [Customer, Support, Engineering].map(step);
        assert_eq!(next(&steps, 0, Customer), Some(0));
        assert_eq!(next(&steps, 0, Support), Some(1));
        assert_eq!(next(&steps, 2, Support), Some(2));
        assert_eq!(next(&steps, 0, Engineering), Some(2));
        assert_eq!(next(&steps, 3, Customer), None);
        assert_eq!(next(&steps, 0, ThirdParty), None);
    }
}
