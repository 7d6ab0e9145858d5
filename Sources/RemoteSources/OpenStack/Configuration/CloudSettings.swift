// What the settings of one cloud mean.
// SPDX-License-Identifier: Apache-2.0

/// The settings of a cloud, merged from all files, or from variables, and how they become a configuration.
struct CloudSettings {
    let cloudName: String
    let section: ConfigurationSection
    let search: ConfigurationSearch
    /// The region that is meant where the cloud has several.
    var askedRegion: String?

    func configuration(warnings: [String]) throws(OpenStackError) -> CloudsConfiguration {
        let region = try regionSettings()
        let settings = CloudSettings(
            cloudName: cloudName, section: region.settings, search: search, askedRegion: region.name)
        return CloudsConfiguration(
            cloudName: cloudName, identity: try settings.identity(), interfaces: try settings.interfaces(),
            region: region.name, imageEndpoint: try settings.imageEndpoint(),
            security: try settings.security(),
            warnings: warnings)
    }

    /// An error in the settings of this cloud.
    func error(_ reason: String) -> OpenStackError {
        OpenStackError(.settings, "\(shownName): \(reason)")
    }

    private var isFromVariables: Bool { cloudName == CloudsConfiguration.variablesName }

    var shownName: String {
        isFromVariables ? cloudName : "cloud \(ServiceText.quotable(cloudName))"
    }

    /// How a setting is written where this cloud's settings are.
    func written(_ name: String) -> String {
        isFromVariables ? "OS_\(name.uppercased())" : name
    }

    var auth: ConfigurationSection { section["auth"]?.section ?? ConfigurationSection() }

    /// The first of `names` that is set; each within `auth` before outside of it, as variables are.
    func value(_ names: String...) throws(OpenStackError) -> String? {
        for name in names {
            guard let value = auth[name] ?? section[name] else { continue }
            guard let text = value.text else { throw error("\(written(name)) is not a text") }
            if !text.isEmpty { return text }
        }
        return nil
    }

    /// The first of `names` that is set outside of `auth`.
    func setting(_ names: String...) throws(OpenStackError) -> String? {
        for name in names {
            guard let value = section[name] else { continue }
            guard let text = value.text else { throw error("\(written(name)) is not a text") }
            if !text.isEmpty { return text }
        }
        return nil
    }

    /// A text in which `{region_name}` stands for the region, and other names in braces for settings of the cloud that are no
    /// secrets. It ends early where it is longer than any address.
    func formatted(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while result.utf8.count <= WebAddress.largestByteCount, let open = rest.firstIndex(of: "{"),
            let close = rest[open...].firstIndex(of: "}")
        {
            let name = rest[rest.index(after: open)..<close]
            let value = name == "region_name" ? askedRegion : section[String(name)]?.text
            guard let value, !Self.isSecret(name) else { break }
            result += rest[..<open]
            result += value
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }
}

extension CloudSettings {
    /// Whether a setting of this name is never shown.
    private static func isSecret(_ name: Substring) -> Bool {
        ["password", "token", "secret", "passcode"].contains { name.contains($0) }
    }

    private func regionSettings() throws(OpenStackError) -> (name: String?, settings: ConfigurationSection) {
        var known: [(name: String, values: ConfigurationSection)] = []
        switch section["regions"] ?? section["image_region_name"] ?? section["region_name"] {
        case .list(let list)?:
            for entry in list {
                if let name = entry.text {
                    known.append((name, ConfigurationSection()))
                } else if let region = entry.section, let name = region["name"]?.text {
                    known.append((name, region["values"]?.section ?? ConfigurationSection()))
                } else {
                    throw error("regions has an entry without a name")
                }
            }
        case .text(let text, _)?:
            known = text.split(separator: ",").map { (String($0), ConfigurationSection()) }
        case .section?: throw error("regions is not a list")
        case nil: break
        }
        guard let asked = askedRegion else {
            let first = known.first
            return (first?.name, section.merged(with: first?.values.normalized ?? ConfigurationSection()))
        }
        guard !known.isEmpty else { return (asked, section) }
        guard let region = known.first(where: { $0.name == asked }) else {
            let names = known.prefix(20).map { ServiceText.quotable($0.name, upTo: 60) }.joined(
                separator: ", ")
            throw error("OS_REGION_NAME is \(ServiceText.quotable(asked)), and its regions are \(names)")
        }
        return (asked, section.merged(with: region.values.normalized))
    }

    private func interfaces() throws(OpenStackError) -> [String] {
        let name = ["image_interface", "interface", "image_endpoint_type", "endpoint_type"].first {
            section[$0] != nil
        }
        guard let name, let value = section[name] else { return ["public"] }
        let words: [String?] = if case .list(let list) = value { list.map(\.text) } else { [value.text] }
        var interfaces: [String] = []
        for word in words {
            let kind = word.map { $0.lowercased().hasSuffix("url") ? String($0.dropLast(3)) : $0 }
            guard let kind, ["public", "internal", "admin"].contains(kind) else {
                throw error("\(written(name)) is neither public nor internal nor admin")
            }
            interfaces.append(kind)
        }
        return interfaces.isEmpty ? ["public"] : interfaces
    }

    private func imageEndpoint() throws(OpenStackError) -> WebAddress? {
        // OS_IMAGE_URL is what the older client of the image service reads.
        let names = ["image_endpoint_override", "image_endpoint", "image_url"]
        for name in names {
            if let text = try setting(name) { return try address(text, named: name) }
        }
        let type = try setting("auth_type", "auth_plugin")
        guard let type, ["none", "admin_token", "token_endpoint"].contains(type) else { return nil }
        guard let text = try value("endpoint", "url") else {
            throw error(
                "with auth_type \(type), \(written("endpoint")) or \(written(names[0])) has to be set")
        }
        return try address(text, named: "endpoint")
    }

    func address(_ text: String, named name: String) throws(OpenStackError) -> WebAddress {
        do throws(AddressError) {
            return try WebAddress(formatted(text))
        } catch {
            // The text may hold a password: it is not shown.
            throw self.error("\(written(name)): \(error)")
        }
    }

    private func security() throws(OpenStackError) -> TransportSecurity {
        var verifies = true
        if let value = section["verify"] {
            // In a file, quotes make a text of a word; a variable is always a text.
            let word = isFromVariables ? value.text.map { ConfigurationValue.text($0, isPlain: true) } : value
            guard let isOn = word?.boolean else {
                throw error("\(written("verify")) is neither true nor false")
            }
            verifies = isOn
        }
        // Variables are texts; openstacksdk takes any but "true" for no.
        if let text = try setting("insecure"),
            text.lowercased() == "true" || section["insecure"]?.boolean == true
        {
            verifies = false
        }
        var security = TransportSecurity(environment: search.variable)
        security.isVerified = verifies
        if let path = try setting("cacert") { security.authoritiesPath = search.expanded(path) }
        security.certificatePath = try setting("cert").map(search.expanded)
        security.keyPath = try setting("key").map(search.expanded)
        return security
    }
}
