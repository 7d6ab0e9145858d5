// Which cloud is meant, and the settings of it from all files.
// SPDX-License-Identifier: Apache-2.0

extension CloudsConfiguration {
    /// The name of the cloud that the OS_* variables make.
    static let variablesName = "OS_* variables"
    private static let fileVariable = "OS_CLIENT_CONFIG_FILE"
    private static let secureVariable = "OS_CLIENT_SECURE_FILE"

    /// Reads the settings of a cloud as openstacksdk does: the one that is asked for, else that of `OS_CLOUD`, else the
    /// one of the OS_* variables, else the only one in clouds.yaml. A cloud of a file has its values from files alone,
    /// but for `OS_REGION_NAME`, which says which of its regions is meant.
    /// Spec: openstacksdk, "Configuring OpenStack SDK Applications".
    package static func read(
        cloud asked: String? = nil, from search: ConfigurationSearch
    ) throws(OpenStackError) -> CloudsConfiguration {
        let file = try search.first("clouds", variable: fileVariable)
        let secure = try search.first("secure", variable: secureVariable)
        let all = (file?.section ?? ConfigurationSection()).merged(
            with: secure?.section ?? ConfigurationSection())
        let clouds = all["clouds"]?.section ?? ConfigurationSection()
        let variables = variablesSection(search.environment)
        let chosen = asked ?? search.variable("OS_CLOUD")
        guard chosen != nil || variables == nil else {
            let settings = CloudSettings(
                cloudName: variablesName, section: (variables ?? ConfigurationSection()).normalized,
                search: search)
            return try settings.configuration(warnings: [])
        }
        let name = if let chosen { chosen } else { try onlyName(of: clouds, in: file, search) }
        guard let own = clouds[name]?.section else {
            throw unknown(name, clouds, in: file, search)
        }
        let (profile, profileWarnings) = try Self.profile(of: own.normalized, search)
        let settings = CloudSettings(
            cloudName: name, section: profile.merged(with: own.normalized), search: search,
            askedRegion: search.variable("OS_REGION_NAME"))
        return try settings.configuration(
            warnings: profileWarnings + openFileWarnings([file, secure], cloud: name)
                + absentFileWarnings(search))
    }

    /// The OS_* variables as settings; nil where there are none but those that choose among clouds.
    private static func variablesSection(_ environment: [String: String]) -> ConfigurationSection? {
        let choosing: Set<String> = [
            "OS_CLOUD", "OS_REGION_NAME", "OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", "OS_CLOUD_NAME",
        ]
        let ignored = ["OS_TEST", "OS_STD", "OS_LOG"]
        var section = ConfigurationSection()
        var hasSettings = false
        for (name, value) in environment where name.hasPrefix("OS_") && !value.isEmpty {
            guard !ignored.contains(where: name.hasPrefix) else { continue }
            if !choosing.contains(name) { hasSettings = true }
            section.set(Array(name.dropFirst(3).lowercased().utf8), to: .text(value, isPlain: false))
        }
        return hasSettings ? section : nil
    }

    private static func onlyName(
        of clouds: ConfigurationSection, in file: ConfigurationSearch.Found?, _ search: ConfigurationSearch
    ) throws(OpenStackError) -> String {
        let names = clouds.names
        if names.count == 1 { return names[0] }
        guard let file else {
            if let path = search.forbidden("clouds", variable: fileVariable).first { throw forbidden(path) }
            throw OpenStackError(
                .settings,
                "no OpenStack cloud is configured: set OS_AUTH_URL and the other OS_* variables, or write a "
                    + "clouds.yaml, in \(search.folders.dropFirst().first ?? "/etc/openstack") for example")
        }
        let path = ServiceText.quotable(file.path)
        guard !names.isEmpty else { throw OpenStackError(.settings, "\(path) has no clouds") }
        throw OpenStackError(
            .settings, "\(path) has several clouds: choose one with os_cloud= or OS_CLOUD: \(list(names))")
    }

    private static func unknown(
        _ name: String, _ clouds: ConfigurationSection, in file: ConfigurationSearch.Found?,
        _ search: ConfigurationSearch
    ) -> OpenStackError {
        let shown = ServiceText.quotable(name)
        guard let file else {
            if let path = search.forbidden("clouds", variable: fileVariable).first { return forbidden(path) }
            let named = search.absentFile(of: fileVariable).map {
                ", and \(fileVariable) names \(ServiceText.quotable($0)), which is not there"
            }
            return OpenStackError(
                .settings, "the cloud \(shown) is not known: no clouds.yaml was found\(named ?? "")")
        }
        guard clouds[name] == nil else {
            return OpenStackError(
                .settings,
                "\(ServiceText.quotable(file.path)): the cloud \(shown) is no list of names and values")
        }
        let known = clouds.names.isEmpty ? "none" : list(clouds.names)
        return OpenStackError(
            .settings, "\(ServiceText.quotable(file.path)) has no cloud \(shown); it has \(known)")
    }

    private static func forbidden(_ path: String) -> OpenStackError {
        OpenStackError(
            .settings,
            "\(ServiceText.quotable(path)) is there, and may not be read by this user: permission denied")
    }

    /// As openstacksdk does, what a variable names and is not there is passed over; but not in silence.
    private static func absentFileWarnings(_ search: ConfigurationSearch) -> [String] {
        [fileVariable, secureVariable].compactMap { variable in
            search.absentFile(of: variable).map {
                "\(variable) names \(ServiceText.quotable($0)), and there is no such file: other files are read"
            }
        }
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(20).map { ServiceText.quotable($0, upTo: 60) }.joined(separator: ", ")
        return names.count > 20 ? "\(shown) and \(names.count - 20) more" : shown
    }

    /// The settings that a cloud shares with others of its provider, from clouds-public.yaml.
    private static func profile(
        of cloud: ConfigurationSection, _ search: ConfigurationSearch
    ) throws(OpenStackError) -> (ConfigurationSection, [String]) {
        guard let name = (cloud["profile"] ?? cloud["cloud"])?.text else {
            return (ConfigurationSection(), [])
        }
        let file = try search.first("clouds-public")
        if let profile = file?.section["public-clouds"]?.section?[name]?.section {
            return (profile.normalized, [])
        }
        return (
            ConfigurationSection(),
            [
                "the profile \(ServiceText.quotable(name)) is in no clouds-public.yaml, and openstacksdk's own list of "
                    + "providers is not read: what it would say has to be in clouds.yaml"
            ]
        )
    }

    private static func openFileWarnings(_ files: [ConfigurationSearch.Found?], cloud: String) -> [String] {
        files.compactMap { file in
            guard let file, file.isOpenToOthers,
                file.section["clouds"]?.section?[cloud]?.section.map(holdsSecret) == true
            else { return nil }
            let path = ServiceText.quotable(file.path)
            return "\(path) holds secrets and can be read by others: chmod 600 \(path)"
        }
    }

    private static func holdsSecret(_ cloud: ConfigurationSection) -> Bool {
        let cloud = cloud.normalized
        let sections = [cloud, cloud["auth"]?.section].compactMap { $0 }
        return sections.contains { section in
            ["password", "application_credential_secret", "token", "auth_token"].contains {
                section[$0] != nil
            }
        }
    }
}
