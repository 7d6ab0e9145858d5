// What a file of settings says: texts, lists and sections.
// SPDX-License-Identifier: Apache-2.0

/// A value of clouds.yaml, secure.yaml or one of their relatives.
enum ConfigurationValue: Sendable, Equatable {
    /// `isPlain`: written without quotes, so that `true`, `no` and `null` are what YAML makes of them.
    case text(String, isPlain: Bool)
    case list([ConfigurationValue])
    case section(ConfigurationSection)

    /// A text, as it is written: a password of digits is a password. Nil for null and for what is no text.
    var text: String? {
        guard case .text(let text, let isPlain) = self, !(isPlain && Self.nulls.contains(text)) else {
            return nil
        }
        return text
    }

    /// Spec: YAML 1.1, "Boolean Language-Independent Type", as PyYAML reads it; and JSON's.
    var boolean: Bool? {
        guard case .text(let text, isPlain: true) = self else { return nil }
        return switch text {
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": true
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": false
        default: nil
        }
    }

    var isNull: Bool {
        if case .text(let text, isPlain: true) = self { Self.nulls.contains(text) } else { false }
    }

    var section: ConfigurationSection? {
        if case .section(let section) = self { section } else { nil }
    }

    private static let nulls: Set<String> = ["", "~", "null", "Null", "NULL"]
}

/// Settings by name. Names are compared as bytes, with `-` as `_`.
struct ConfigurationSection: Sendable, Equatable {
    private(set) var entries: [[UInt8]: ConfigurationValue] = [:]

    /// The value of a setting; nil where it is missing or null.
    subscript(_ name: String) -> ConfigurationValue? {
        guard let value = entries[Array(name.utf8)], !value.isNull else { return nil }
        return value
    }

    mutating func set(_ name: [UInt8], to value: ConfigurationValue) {
        entries[name] = value
    }

    /// The names of all settings, in order.
    var names: [String] {
        entries.keys.sorted { $0.lexicographicallyPrecedes($1) }.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The settings of both; where both have one, that of `other`, and sections are merged.
    func merged(with other: ConfigurationSection) -> ConfigurationSection {
        var result = self
        for (name, value) in other.entries {
            if case .section(let new) = value, case .section(let old)? = entries[name] {
                result.entries[name] = .section(old.merged(with: new))
            } else {
                result.entries[name] = value
            }
        }
        return result
    }

    /// The same with names as settings are looked up: `auth-url` is `auth_url`.
    var normalized: ConfigurationSection {
        var result = ConfigurationSection()
        // Where both spellings are there, the one with `_` is the setting.
        for (name, value) in entries where name.contains(UInt8(ascii: "-")) {
            let spelled = name.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
            result.entries[spelled] = value.normalized
        }
        for (name, value) in entries where !name.contains(UInt8(ascii: "-")) {
            result.entries[name] = value.normalized
        }
        return result
    }
}

extension ConfigurationValue {
    fileprivate var normalized: ConfigurationValue {
        if case .section(let section) = self { .section(section.normalized) } else { self }
    }
}
