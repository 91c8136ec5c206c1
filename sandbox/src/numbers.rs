//! Which telephone numbers a service refuses, by the numbering plans of the world.

use phonenumber::country::Id;
use phonenumber::metadata::{Descriptor, Descriptors, DATABASE};
use phonenumber::{ParseError, PhoneNumber, Type};

/// What a service refuses.
#[derive(Clone, Copy, Debug)]
pub struct NumberRules {
    /// Refuse what no telephone can have.
    pub disallow_impossible: bool,
    /// Refuse numbers for which a call costs more.
    pub disallow_premium: bool,
    /// The country of numbers without a country code.
    pub country: Option<Id>,
}

/// Why a number is refused. The texts are those of real servers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// It cannot be read as a number.
    #[error(
        "Customer Number [{0}] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    )]
    Invalid(String),
    /// No telephone can have it.
    #[error(
        "Customer Number [{0}] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
    )]
    Impossible(String),
    /// It is a premium number.
    #[error("Customer Number [{0}] is disallowed, because it's a premium number. Check option _disallow_premium_phone_numbers")]
    Premium(String),
    /// The rules cannot be followed without a country.
    #[error(
        "Service option {service} / _default_country is not configured. But option {option} is set. \
         We cannot validate phone numbers without knowing the country."
    )]
    NoCountry {
        /// The service.
        service: String,
        /// The rule that needs the country.
        option: &'static str,
    },
}

impl NumberRules {
    /// Whether the service takes a number.
    pub fn check(&self, service: &str, number: &str) -> Result<(), BadNumber> {
        let option = match (self.disallow_impossible, self.disallow_premium) {
            (true, _) => "_disallow_impossible_phone_numbers",
            (_, true) => "_disallow_premium_phone_numbers",
            _ => return Ok(()),
        };
        if self.country.is_none() {
            return Err(BadNumber::NoCountry {
                service: service.to_owned(),
                option,
            });
        }
        // The parser would strip the trunk prefix of the service's country from numbers of other countries.
        let country = self
            .country
            .filter(|_| !number.trim_start().starts_with('+'));
        match phonenumber::parse(country, number) {
            Err(_) if !self.disallow_impossible => Ok(()),
            Err(ParseError::NoNumber | ParseError::InvalidCountryCode) => {
                Err(BadNumber::Invalid(number.to_owned()))
            }
            // The others say that there are too few or too many digits.
            Err(_) => Err(BadNumber::Impossible(number.to_owned())),
            Ok(parsed)
                if self.disallow_premium && parsed.number_type(&DATABASE) == Type::PremiumRate =>
            {
                Err(BadNumber::Premium(number.to_owned()))
            }
            Ok(parsed) if self.disallow_impossible && !is_possible(&parsed) => {
                Err(BadNumber::Impossible(number.to_owned()))
            }
            Ok(_) => Ok(()),
        }
    }
}

/// Whether its country has numbers of that length, whoever they are given to.
fn is_possible(number: &PhoneNumber) -> bool {
    let digits = number.national().to_string().len();
    let countries = DATABASE
        .by_code(&number.country().code())
        .unwrap_or_default();
    countries
        .into_iter()
        .flat_map(|country| kinds(country.descriptors()))
        .any(|kind| {
            let mut lengths = kind
                .possible_length()
                .iter()
                .chain(kind.possible_local_length());
            lengths.any(|length| usize::from(*length) == digits)
        })
}

/// All kinds of numbers of a country; the metadata knows no lengths of the country as a whole.
fn kinds(descriptors: &Descriptors) -> impl Iterator<Item = &Descriptor> {
    let kinds = [
        descriptors.fixed_line(),
        descriptors.mobile(),
        descriptors.toll_free(),
        descriptors.premium_rate(),
        descriptors.shared_cost(),
        descriptors.personal_number(),
        descriptors.voip(),
        descriptors.pager(),
        descriptors.uan(),
        descriptors.voicemail(),
    ];
    kinds.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(impossible: bool, premium: bool, country: Option<Id>, number: &str) -> String {
        let rules = NumberRules {
            disallow_impossible: impossible,
            disallow_premium: premium,
            country,
        };
        rules
            .check("samples", number)
            .map_or_else(|refusal| refusal.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn the_texts_of_real_servers() {
        let (both, us) = (true, Some(Id::US));
        assert_eq!(
            check(both, both, us, "111"),
            "Customer Number [111] is disallowed, because it is invalid. Check option _disallow_impossible_phone_numbers"
        );
        assert_eq!(
            check(both, both, us, "+19005551234"),
            "Customer Number [+19005551234] is disallowed, because it's a premium number. Check option _disallow_premium_phone_numbers"
        );
        assert_eq!(
            check(false, both, None, "+19005551234"),
            "Service option samples / _default_country is not configured. But option _disallow_premium_phone_numbers is set. \
             We cannot validate phone numbers without knowing the country."
        );
    }

    #[test]
    fn other_numbers_are_taken() {
        for number in [
            "650-253-0000",
            "+44 20 7946 0000",
            "+44 (0)20 7946 0000",
            "+86 138 1234 5678",
            "+16502530000",
        ] {
            assert_eq!(check(true, true, Some(Id::US), number), "taken", "{number}");
        }
        for unassigned in ["4151110000", "+15551234567", "+1 415 111 0000", "2530000"] {
            assert_eq!(
                check(true, true, Some(Id::US), unassigned),
                "taken",
                "{unassigned}"
            );
        }
        assert_eq!(check(false, false, None, "abc"), "taken");
        assert_eq!(check(false, true, Some(Id::US), "abc"), "taken");
        assert!(check(true, false, Some(Id::US), "abc").contains("invalid"));
    }

    #[test]
    fn what_is_no_number_differs_from_what_no_telephone_can_have() {
        let rules = NumberRules {
            disallow_impossible: true,
            disallow_premium: true,
            country: Some(Id::US),
        };
        let refusal = |number: &str| rules.check("samples", number).unwrap_err();
        for number in ["abc", "1", "+999 123 4567"] {
            assert_eq!(refusal(number), BadNumber::Invalid(number.to_owned()));
        }
        for number in [
            "111",
            "12345",
            "+1 555 123 45678",
            "+44 20 7946 00001",
            "23456789012345678901",
        ] {
            assert_eq!(refusal(number), BadNumber::Impossible(number.to_owned()));
        }
    }
}
