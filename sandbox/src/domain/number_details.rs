//! What the numbering plans say about a telephone number.

use rlibphonenumber::{PhoneNumberFormat, PhoneNumberType, Region, PHONE_NUMBER_UTIL};

#[derive(Debug)]
pub(crate) struct NumberDetails {
    pub(crate) country_code: i32,
    pub(crate) country_code_source: &'static str,
    pub(crate) extension: String,
    pub(crate) is_possible: bool,
    pub(crate) is_premium: bool,
    pub(crate) is_valid: bool,
    pub(crate) is_valid_for_country: bool,
    pub(crate) italian_leading_zero: bool,
    pub(crate) e164: String,
    pub(crate) international: String,
    pub(crate) national: String,
    /// The digits without trunk prefix.
    pub(crate) national_short: String,
    /// As the number was written, with the usual spaces.
    pub(crate) original: String,
    pub(crate) kind: &'static str,
    /// Empty if the number belongs to no region.
    pub(crate) region: String,
}

impl NumberDetails {
    /// `country` is that of numbers without a country code. `None` if `text` is not a number.
    pub(crate) fn parse(text: &str, country: Option<Region>) -> Option<NumberDetails> {
        let number = PHONE_NUMBER_UTIL
            .parse_and_keep_raw_input(text, country)
            .ok()?;
        let format = |format| number.format_as(format).into_owned();
        let original = match country {
            Some(country) => number.format_in_original_format(country).into_owned(),
            None => text.to_owned(),
        };
        let kind = number.get_type();
        let region = number.get_region_code();
        Some(NumberDetails {
            country_code: number.country_code,
            country_code_source: number.country_code_source().as_str_name(),
            extension: number.extension().to_owned(),
            is_possible: PHONE_NUMBER_UTIL.is_possible_number(&number),
            is_premium: kind == PhoneNumberType::PremiumRate,
            is_valid: number.is_valid(),
            is_valid_for_country: country.is_some_and(|region| number.is_valid_for_region(region)),
            italian_leading_zero: number.italian_leading_zero(),
            e164: format(PhoneNumberFormat::E164),
            international: format(PhoneNumberFormat::International),
            national: format(PhoneNumberFormat::National),
            national_short: number.get_national_significant_number(),
            original,
            kind: kind_name(kind),
            region: region.map_or_else(String::new, |region| region.to_string()),
        })
    }
}

/// The names of libphonenumber.
fn kind_name(kind: PhoneNumberType) -> &'static str {
    match kind {
        PhoneNumberType::FixedLine => "FIXED_LINE",
        PhoneNumberType::Mobile => "MOBILE",
        PhoneNumberType::FixedLineOrMobile => "FIXED_LINE_OR_MOBILE",
        PhoneNumberType::TollFree => "TOLL_FREE",
        PhoneNumberType::PremiumRate => "PREMIUM_RATE",
        PhoneNumberType::SharedCost => "SHARED_COST",
        PhoneNumberType::VoIP => "VOIP",
        PhoneNumberType::PersonalNumber => "PERSONAL_NUMBER",
        PhoneNumberType::Pager => "PAGER",
        PhoneNumberType::UAN => "UAN",
        PhoneNumberType::VoiceMail => "VOICEMAIL",
        PhoneNumberType::Unknown => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_of_a_national_number() {
        let details = NumberDetails::parse("0604120405", Some(Region::FR)).unwrap();
        assert_eq!(details.country_code, 33);
        assert_eq!(details.country_code_source, "FROM_DEFAULT_COUNTRY");
        assert_eq!(details.e164, "+33604120405");
        assert_eq!(details.international, "+33 6 04 12 04 05");
        assert_eq!(details.national, "06 04 12 04 05");
        assert_eq!(details.national_short, "604120405");
        assert_eq!(details.original, "06 04 12 04 05");
        assert_eq!((details.kind, details.region.as_str()), ("MOBILE", "FR"));
        assert!(details.is_possible && details.is_valid && details.is_valid_for_country);
        assert!(!details.is_premium && !details.italian_leading_zero);
    }

    #[test]
    fn details_of_an_international_number() {
        let details = NumberDetails::parse("+4989125016040", Some(Region::US)).unwrap();
        assert_eq!(details.country_code_source, "FROM_NUMBER_WITH_PLUS_SIGN");
        assert_eq!(details.original, "+49 89 125016040");
        assert_eq!(
            (details.kind, details.region.as_str()),
            ("FIXED_LINE", "DE")
        );
        assert!(details.is_valid && !details.is_valid_for_country);
        let extension = NumberDetails::parse("+1 650 253 0000 ext. 12", None).unwrap();
        assert_eq!(
            (extension.extension.as_str(), extension.kind),
            ("12", "FIXED_LINE_OR_MOBILE")
        );
        let premium = NumberDetails::parse("+1 900 555 1234", Some(Region::US)).unwrap();
        assert!(premium.is_premium);
        let italian = NumberDetails::parse("06 6982 1234", Some(Region::IT)).unwrap();
        assert!(italian.italian_leading_zero);
        assert_eq!(italian.national_short, "0669821234");
    }

    #[test]
    fn texts_that_are_not_numbers_have_no_details() {
        for (text, country) in [
            ("bad", Some(Region::DE)),
            ("0604120405", None),
            ("", Some(Region::DE)),
            ("+999 123 4567", Some(Region::DE)),
        ] {
            assert!(NumberDetails::parse(text, country).is_none(), "{text}");
        }
    }
}
