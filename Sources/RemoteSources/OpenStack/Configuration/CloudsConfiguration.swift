// How a cloud is reached and who asks: OS_* variables and clouds.yaml as one value.
// SPDX-License-Identifier: Apache-2.0

/// One cloud in one region, ready to be asked. Its description holds no secret.
package struct CloudsConfiguration: Sendable, Equatable {
    /// The cloud's name in clouds.yaml, or "OS_* variables".
    package let cloudName: String
    package let identity: CloudIdentity
    /// Kinds of addresses that are taken from the catalogue, the best first: `public`, `internal` or `admin`.
    package let interfaces: [String]
    /// Nil: the first region of the catalogue.
    package let region: String?
    /// The image service's address, where the settings have one; the catalogue is not asked then.
    package let imageEndpoint: WebAddress?
    package let security: TransportSecurity
    /// What the user should know: one line each.
    package let warnings: [String]
}

/// Who asks, and for what.
package enum CloudIdentity: Sendable, Equatable {
    /// The service wants to know no one (`auth_type: none`), or takes one token that never changes (`admin_token`).
    case none(token: Secret?)
    case keystone(address: WebAddress, KeystoneCredentials)
}

/// What is shown to Keystone.
/// Spec: Identity API v3, "Authentication and token management".
package struct KeystoneCredentials: Sendable, Equatable {
    package enum Method: Sendable, Equatable {
        case password(user: Named, Secret)
        case applicationCredential(ApplicationCredential, Secret)
        case token(Secret)
    }

    package enum ApplicationCredential: Sendable, Equatable {
        case id(String)
        case name(String, user: Named)
    }

    /// Something by its id, or by its name within a domain.
    package enum Named: Sendable, Equatable {
        case id(String)
        case name(String, domain: Domain)
    }

    package enum Domain: Sendable, Equatable {
        case id(String)
        case name(String)
    }

    /// What the token is for; nil: what Keystone makes of it.
    package enum Scope: Sendable, Equatable {
        case project(Named)
        case domain(Domain)
    }

    package let method: Method
    package let scope: Scope?

    package init(method: Method, scope: Scope?) {
        self.method = method
        self.scope = scope
    }

    /// Whether a new token can be had when the present one has ended.
    package var isRenewable: Bool {
        if case .token = method { false } else { true }
    }

    /// What no message may show.
    var secrets: [Secret] {
        switch method {
        case .password(_, let secret), .applicationCredential(_, let secret), .token(let secret): [secret]
        }
    }
}
