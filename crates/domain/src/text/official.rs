//! Names that only whoever runs this place could have. They are known by what they look like (the skeleton of UTS #39): other
//! alphabets, small capitals, digits in the place of letters and letters set apart change nothing.

use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// Nobody has one of these in their name.
const OFFICIAL: &str = "admin admins administrator administratorin administrators administration sysadmin superadmin \
                        moderator moderatorin moderators moderation visavis administrador administradora administrateur \
                        administratrice amministratore amministratrice beheerder yönetici modérateur modératrice moderador \
                        moderadora moderatore moderatrice админ администратор администрация модератор адміністратор διαχειριστής \
                        συντονιστής مشرف المشرف أدمين ادمن مدير المدير प्रशासक ผู้ดูแลระบบ ylläpitäjä järjestelmänvalvoja \
                        rendszergazda správce správca モデレーター модер adminka owner eigentümer владелец مسؤول מנהל 管理员 管理員 版主 管理人 管理者 運営 운영자 관리자";
/// Nobody has a name of these and [`BETWEEN`] alone, whether there are gaps between them or not.
const ROLES: &str = "team support staff official offiziell system service security safety mod mods help helpdesk helpline trust \
                     bot operator kundendienst kundenservice kundenbetreuung hilfe sicherheit soporte ayuda seguridad equipo oficial \
                     assistance aide équipe officiel sécurité suporte ajuda equipe supporto assistenza squadra ufficiale destek \
                     поддержка помощь команда служба безопасность официальный підтримка підтримки поддержки безопасности υποστήριξη \
                     quảntrịviên ομάδα دعم الدعم فريق תמיכה צוות 客服 支持 官方 团队 團隊 サポート 公式 スタッフ 지원 고객센터 공식 팀";
const BETWEEN: &str = "the our your of by from and desk center centre customer customers client clients user users account \
                       accounts community care de del du la le der die das am al atención cliente clients clientes utente \
                       клиентов пользователей центр 中心 服务 服務";

/// Whether somebody could take this for a name of the house.
pub(super) fn is_taken(name: &str) -> bool {
    let keys = |list: &str| list.split_whitespace().map(|word| look(&word.to_lowercase())).collect();
    let (official, roles, between): (Vec<_>, Vec<_>, Vec<_>) = (keys(OFFICIAL), keys(ROLES), keys(BETWEEN));
    let bare = name.split_whitespace().map(|word| word.trim_matches(|c: char| c.is_ascii_digit()));
    let bare = bare.collect::<Vec<_>>().join(" ");
    let seen = [name, &bare].into_iter().flat_map(|name| {
        // What looks alike in capitals may not in small letters.
        let capitals: String = skeleton(name).collect();
        [look(&name.to_lowercase()), look(&capitals.to_lowercase())]
    });
    for seen in seen {
        if seen.split(' ').any(|word| official.iter().any(|key| key == word)) {
            return true;
        }
        let together = seen.replace(' ', "");
        let real: Vec<&str> = official.iter().chain(&roles).map(String::as_str).collect();
        let between: Vec<&str> = between.iter().map(String::as_str).collect();
        if is_made_of(&together, &real, &between, false) {
            return true;
        }
    }
    false
}

/// Whether the text is some of these words in a row, one of `real` among them.
fn is_made_of(text: &str, real: &[&str], between: &[&str], met: bool) -> bool {
    if text.is_empty() {
        return met;
    }
    let goes_on = |words: &[&str], met| {
        words
            .iter()
            .filter_map(|word| text.strip_prefix(word))
            .any(|rest| is_made_of(rest, real, between, met))
    };
    goes_on(real, true) || goes_on(between, met)
}

/// What a reader sees, in words: letters that look alike are one, and marks on them are none.
fn look(text: &str) -> String {
    let text: String = text.chars().map(plain).collect();
    let mut words = String::new();
    for c in skeleton(&text).map(plain).flat_map(char::to_lowercase) {
        match c {
            'i' => words.push('l'),
            'm' => words.push_str("rn"),
            c if c.is_alphanumeric() => words.push(c),
            c if is_combining_mark(c) => {}
            _ if words.ends_with(' ') || words.is_empty() => {}
            _ => words.push(' '),
        }
    }
    words.trim_end().to_owned()
}

/// Small capitals, which the skeleton keeps apart from letters, and what is written in their place.
const fn plain(c: char) -> char {
    match c {
        'ᴀ' | '@' | '4' => 'a',
        'ʙ' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' | '3' => 'e',
        'ꜰ' => 'f',
        'ɢ' => 'g',
        'ʜ' => 'h',
        'ɪ' | '!' => 'i',
        'ᴊ' => 'j',
        'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' | 'ʍ' => 'm',
        'ɴ' => 'n',
        'ᴏ' => 'o',
        'ᴘ' => 'p',
        'ʀ' => 'r',
        'ꜱ' | '$' | '5' => 's',
        'ᴛ' | '7' => 't',
        'ᴜ' => 'u',
        'ᴠ' => 'v',
        'ʏ' => 'y',
        'ᴢ' => 'z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::is_taken;

    #[test]
    fn names_of_the_house_are_taken_whatever_they_are_written_with() {
        for taken in [
            "admin",
            "Admin",
            "ADMIN",
            "ɑdmin",
            "Ꭺdmin",
            "ᴀᴅᴍɪɴ",
            "admın",
            "ADM1N",
            "ADMlN",
            "@dmin",
            "4dm1n",
            "Ádmín",
            "aԁmin",
            "adrnin",
            "a.d.m.i.n",
            "A D M I N",
            "Admin 2",
            "admin42",
            "Anna, Admin",
            "Moderator",
            "m0derator",
            "ᴍᴏᴅᴇʀᴀᴛᴏʀ",
            "Visavis Team",
            "VisavisTeam",
            "Vis-à-vis",
            "Team",
            "Support",
            "The Support Team",
            "ꜱᴜᴘᴘᴏʀᴛ",
            "Official Staff",
            "5upport",
            "Trust and Safety",
            "Visavis",
            "Customer Service",
            "User Support Team",
            "Kundenservice",
            "Atención al Cliente Soporte",
            "Администратор",
            "админ",
            "Служба поддержки",
            "管理员",
            "客服中心",
            "サポート",
            "운영자",
            "مشرف",
            "Modérateur",
            "المشرف",
            "ادمن",
            "Quản trị viên",
            "प्रशासक",
            "ผู้ดูแลระบบ",
            "Ylläpitäjä",
            "Správce",
            "モデレーター",
            "модер",
            "Owner",
        ] {
            assert!(is_taken(taken), "{taken}");
        }
        for free in [
            "Ada",
            "Adam",
            "Customer",
            "Clement Teamster",
            "Ayudante",
            "Leander",
            "Adela",
            "Руслан",
            "李管",
            "Admira",
            "Dream Team",
            "Martin",
            "Mod Squad",
            "Systematic",
            "Modesta",
            "Theo",
            "Your Desk",
            "Supportive Otter",
            "Адам",
            "Αλίκη",
            "李",
            "Nadmin",
            "1337",
            "The",
            "Rob O.",
        ] {
            assert!(!is_taken(free), "{free}");
        }
    }
}
