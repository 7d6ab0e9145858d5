// Where files of settings are looked for.
// SPDX-License-Identifier: Apache-2.0

/// The environment that settings are read from. Tests have one of their own.
package struct ConfigurationSearch: Sendable {
    /// Variables by name: those of the process.
    package let environment: [String: String]
    /// The folder in which `./clouds.yaml` is looked for.
    package let workingFolder: String
    package let look: @Sendable (_ path: String) -> ConfigurationFile.Place

    package init(
        environment: [String: String], workingFolder: String = ".",
        look: @escaping @Sendable (_ path: String) -> ConfigurationFile.Place = ConfigurationFile.at
    ) {
        self.environment = environment
        self.workingFolder = workingFolder
        self.look = look
    }

    /// A variable that is set and not empty.
    func variable(_ name: String) -> String? {
        guard let value = environment[name], !value.isEmpty else { return nil }
        return value
    }

    /// A file that was found, taken apart.
    struct Found: Sendable {
        let path: String
        let section: ConfigurationSection
        let isOpenToOthers: Bool
    }

    /// The files with this name that are there and may not be read, where `first` found none.
    func forbidden(_ name: String, variable: String? = nil) -> [String] {
        paths(of: name, variable).filter { look($0) == .forbidden }
    }

    /// What the variable names, where nothing is there: it was meant, and is passed over.
    func absentFile(of variable: String) -> String? {
        self.variable(variable).flatMap { look($0) == .absent ? $0 : nil }
    }

    private func paths(of name: String, _ variable: String?) -> [String] {
        var paths: [String] = []
        if let variable, let path = self.variable(variable) { paths.append(path) }
        for folder in folders {
            for suffix in ["yaml", "yml", "json"] { paths.append("\(folder)/\(name).\(suffix)") }
        }
        return paths
    }

    /// The first readable file with this name in openstacksdk's folders, or at the path that `variable` holds, which
    /// is looked at first.
    /// - Throws: `OpenStackError` where that file cannot be understood.
    func first(_ name: String, variable: String? = nil) throws(OpenStackError) -> Found? {
        for path in paths(of: name, variable) {
            switch look(path) {
            case .absent, .forbidden: continue
            case .unusable(let reason): throw Self.error(path, reason)
            case .file(let file):
                return Found(
                    path: path, section: try Self.section(of: file, path), isOpenToOthers: file.isOpenToOthers
                )
            }
        }
        return nil
    }

    /// Spec: openstacksdk, "Configuring OpenStack SDK Applications", "Config Files".
    var folders: [String] {
        let home = variable("SNAP_REAL_HOME") ?? variable("HOME")
        var folders = [workingFolder]
        if let configured = variable("XDG_CONFIG_HOME") {
            folders.append("\(configured)/openstack")
        } else if let home = variable("HOME") {
            folders.append("\(home)/.config/openstack")
        }
        if let home { folders.append("\(home)/.config/openstack") }
        let sites = variable("XDG_CONFIG_DIRS") ?? "/etc/xdg"
        for site in sites.split(separator: ":") { folders.append("\(site)/openstack") }
        folders.append("/etc/openstack")
        return folders
    }

    /// A path with the home folder in place of `~`.
    func expanded(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let home = variable("HOME") else { return path }
        return home + path.dropFirst()
    }

    private static func section(
        of file: ConfigurationFile, _ path: String
    ) throws(OpenStackError) -> ConfigurationSection {
        guard path.hasSuffix("json") else {
            do throws(ConfigurationSyntaxError) {
                return try YAMLDocument.parse(file.bytes)
            } catch {
                throw Self.error(path, error.description)
            }
        }
        guard file.bytes.count <= YAMLDocument.byteLimit else {
            throw Self.error(path, "it is longer than \(YAMLDocument.byteLimit >> 10) KiB")
        }
        do throws(JSONError) {
            guard case .section(let section) = ConfigurationValue(try JSONParser.parse(file.bytes)) else {
                throw JSONError(offset: 0, reason: "an object is expected")
            }
            return section
        } catch {
            throw Self.error(path, error.description)
        }
    }

    private static func error(_ path: String, _ reason: String) -> OpenStackError {
        OpenStackError(.settings, "\(ServiceText.quotable(path)): \(reason)")
    }
}

extension ConfigurationValue {
    /// A value of a file in JSON.
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .text("", isPlain: true)
        case .boolean(let value): self = .text(value ? "true" : "false", isPlain: true)
        case .number(let text): self = .text(text, isPlain: true)
        case .string(let text): self = .text(text, isPlain: false)
        case .array(let values): self = .list(values.map(ConfigurationValue.init))
        case .object(let object):
            var section = ConfigurationSection()
            for (name, value) in object.members { section.set(name, to: ConfigurationValue(value)) }
            self = .section(section)
        }
    }
}
