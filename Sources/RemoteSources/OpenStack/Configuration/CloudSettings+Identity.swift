// Who asks, from the settings of a cloud.
// SPDX-License-Identifier: Apache-2.0

extension CloudSettings {
    /// Spec: openstacksdk, "auth_type"; keystoneauth, "Authentication Plugins".
    func identity() throws(OpenStackError) -> CloudIdentity {
        let stated = try setting("auth_type", "auth_plugin")
        let type: String
        if let stated {
            type = stated
        } else if try value("application_credential_secret") != nil {
            type = "v3applicationcredential"
        } else if try value("password") == nil, try token() != nil {
            type = "token"
        } else {
            type = "password"
        }
        switch type {
        case "none": return .none(token: nil)
        case "admin_token", "token_endpoint":
            guard let token = try token() else { throw error("\(written("token")) is not set") }
            return .none(token: Secret(token))
        case "password", "v3password":
            guard let password = try value("password") else { throw missing("password") }
            let user = try named("user", ids: "user_id", names: "username", "user_name")
            return try keystone(.password(user: user, Secret(password)), scope: try scope())
        case "v3applicationcredential":
            guard let secret = try value("application_credential_secret") else {
                throw missing("application_credential_secret")
            }
            // Keystone refuses a scope here: the credential is for one project.
            return try keystone(
                .applicationCredential(try applicationCredential(), Secret(secret)), scope: nil)
        case "token", "v3token":
            guard let token = try token() else { throw missing("token") }
            return try keystone(.token(Secret(token)), scope: try scope())
        default:
            throw error(
                "\(written("auth_type")) \(ServiceText.quotable(type)) is not one that ovafs knows: use password, "
                    + "v3applicationcredential or token")
        }
    }

    private func missing(_ name: String) -> OpenStackError {
        error("\(written(name)) is not set")
    }

    private func token() throws(OpenStackError) -> String? {
        try value("token", "auth_token")
    }

    private func keystone(
        _ method: KeystoneCredentials.Method, scope: KeystoneCredentials.Scope?
    ) throws(OpenStackError) -> CloudIdentity {
        guard let text = try value("auth_url") else { throw missing("auth_url") }
        return .keystone(
            address: try address(text, named: "auth_url"), KeystoneCredentials(method: method, scope: scope))
    }

    private func applicationCredential() throws(OpenStackError) -> KeystoneCredentials.ApplicationCredential {
        if let id = try value("application_credential_id") { return .id(id) }
        guard let name = try value("application_credential_name") else {
            throw missing("application_credential_id")
        }
        return .name(name, user: try named("user", ids: "user_id", names: "username", "user_name"))
    }

    /// A user by id, or by name within a domain.
    private func named(
        _ kind: String, ids id: String, names: String, _ otherName: String
    ) throws(OpenStackError) -> KeystoneCredentials.Named {
        if let id = try value(id) { return .id(id) }
        guard let name = try value(names, otherName) else { throw missing(names) }
        return .name(name, domain: try domain(of: kind))
    }

    private func domain(of kind: String) throws(OpenStackError) -> KeystoneCredentials.Domain {
        // One domain_id or domain_name is enough for user and project.
        for prefix in ["\(kind)_", ""] {
            if let id = try outer("\(prefix)domain_id") { return .id(id) }
            if let name = try outer("\(prefix)domain_name") { return .name(name) }
        }
        if let id = try value("default_domain_id", "default_domain") { return .id(id) }
        if let name = try value("default_domain_name") { return .name(name) }
        throw error("\(written("\(kind)_domain_name")) is not set; in many clouds it is Default")
    }

    /// A setting of which the value outside of `auth` counts more: there, it is one that someone put on top.
    private func outer(_ name: String) throws(OpenStackError) -> String? {
        if let text = try setting(name) { return text }
        return try value(name)
    }

    private func scope() throws(OpenStackError) -> KeystoneCredentials.Scope? {
        for name in ["system_scope", "trust_id"] where try value(name) != nil {
            throw error("\(written(name)) is not something that ovafs knows: name a project")
        }
        for kind in ["project", "tenant"] {
            if let id = try outer("\(kind)_id") { return .project(.id(id)) }
            if let name = try outer("\(kind)_name") {
                return .project(.name(name, domain: try domain(of: "project")))
            }
        }
        if let id = try outer("domain_id") { return .domain(.id(id)) }
        if let name = try outer("domain_name") { return .domain(.name(name)) }
        return nil
    }
}
