//! Says a trouble once when it begins, once when it changes, and once when it
//! is over, however many attempts fail in between.

/// One kind of trouble.
#[derive(Debug, Default)]
pub struct Trouble {
    /// What was said, and how many attempts have failed with it since.
    said: Option<(String, u64)>,
}

impl Trouble {
    /// An attempt has failed. `kind` tells one cause from another. Answers
    /// whether that is worth a line.
    pub fn again(&mut self, kind: &str) -> bool {
        match &mut self.said {
            Some((said, attempts)) if said == kind => {
                *attempts += 1;
                false
            }
            _ => {
                self.said = Some((kind.to_owned(), 1));
                true
            }
        }
    }

    /// An attempt has succeeded. Answers how many had failed before, where
    /// their trouble was said and is over now.
    pub fn over(&mut self) -> Option<u64> {
        self.said.take().map(|(_, attempts)| attempts)
    }

    /// Whether the last attempt failed.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.said.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_when_it_begins_changes_and_ends() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.over(), None);
        assert!(trouble.again("unreachable"));
        assert!(!trouble.again("unreachable") && !trouble.again("unreachable"));
        assert!(trouble.again("refused") && trouble.is_there());
        assert!(!trouble.again("refused"));
        assert_eq!(trouble.over(), Some(2));
        assert_eq!(trouble.over(), None);
        assert!(trouble.again("refused"));
    }
}
