// What is sent to Keystone for a token.
// SPDX-License-Identifier: Apache-2.0

extension KeystoneCredentials {
    /// The body of `POST /v3/auth/tokens`.
    /// Spec: Identity API v3, "Password authentication", "Authenticating with an Application Credential",
    /// "Token authentication".
    var requestBody: [UInt8] {
        var auth: [(name: String, value: JSONValue)] = []
        let identity: JSONValue
        switch method {
        case .password(let user, let secret):
            var members = user.members
            members.append((name: "password", value: .string(secret.exposedText)))
            identity = .object([
                "methods": .array([.string("password")]),
                "password": .object(["user": .object(JSONObject(members))]),
            ])
        case .applicationCredential(let credential, let secret):
            var members = credential.members
            members.append((name: "secret", value: .string(secret.exposedText)))
            identity = .object([
                "methods": .array([.string("application_credential")]),
                "application_credential": .object(JSONObject(members)),
            ])
        case .token(let secret):
            identity = .object([
                "methods": .array([.string("token")]), "token": .object(["id": .string(secret.exposedText)]),
            ])
        }
        auth.append((name: "identity", value: identity))
        switch scope {
        case .project(let project)?:
            auth.append(
                (name: "scope", value: .object(["project": .object(JSONObject(project.members))])))
        case .domain(let domain)?:
            auth.append((name: "scope", value: .object(["domain": domain.object])))
        case nil: break
        }
        return JSONValue.object(["auth": .object(JSONObject(auth))]).text
    }
}

extension KeystoneCredentials.Named {
    fileprivate var members: [(name: String, value: JSONValue)] {
        switch self {
        case .id(let id): [(name: "id", value: .string(id))]
        case .name(let name, let domain):
            [(name: "name", value: .string(name)), (name: "domain", value: domain.object)]
        }
    }
}

extension KeystoneCredentials.Domain {
    fileprivate var object: JSONValue {
        switch self {
        case .id(let id): .object(["id": .string(id)])
        case .name(let name): .object(["name": .string(name)])
        }
    }
}

extension KeystoneCredentials.ApplicationCredential {
    fileprivate var members: [(name: String, value: JSONValue)] {
        switch self {
        case .id(let id): [(name: "id", value: .string(id))]
        case .name(let name, let user):
            [(name: "name", value: .string(name)), (name: "user", value: .object(JSONObject(user.members)))]
        }
    }
}
