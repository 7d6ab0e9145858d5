// Asking Keystone for a token.
// SPDX-License-Identifier: Apache-2.0

/// What came of asking.
struct KeystoneAnswer: Sendable {
    let access: KeystoneSession.Access
    /// In seconds from the request; nil: without end.
    let lifetime: Double?
}

/// One authentication.
struct KeystoneRequest {
    private let configuration: CloudsConfiguration
    private let caller: ServiceCaller

    init(_ configuration: CloudsConfiguration, _ caller: ServiceCaller) {
        self.configuration = configuration
        self.caller = caller
    }

    func answer(until deadline: Deadline) throws(OpenStackError) -> KeystoneAnswer {
        switch configuration.identity {
        case .none(let token):
            guard let endpoint = configuration.imageEndpoint else {
                throw OpenStackError(
                    .settings, "\(configuration.shownName) has no address of the image service: set endpoint")
            }
            return KeystoneAnswer(
                access: KeystoneSession.Access(token: token, endpoint: try base(endpoint)), lifetime: nil)
        case .keystone(let address, let credentials):
            let token = try token(for: credentials, at: address, deadline)
            let access = KeystoneSession.Access(
                token: token.secret, endpoint: try endpoint(token, credentials))
            return KeystoneAnswer(access: access, lifetime: token.lifetime)
        }
    }

    private func base(_ address: WebAddress) throws(OpenStackError) -> WebAddress {
        do throws(AddressError) {
            return try ServiceAddress.base(of: address)
        } catch {
            throw OpenStackError(.settings, "\(configuration.shownName): image_endpoint_override: \(error)")
        }
    }

    private func endpoint(
        _ token: KeystoneToken, _ credentials: KeystoneCredentials
    ) throws(OpenStackError) -> WebAddress {
        if let endpoint = configuration.imageEndpoint { return try base(endpoint) }
        guard let catalogue = token.catalogue else {
            throw OpenStackError(
                .settings,
                "Keystone lists no services for \(configuration.shownName)"
                    + (credentials.scope == nil ? ": set project_name and project_domain_name" : ""))
        }
        return try catalogue.imageEndpoint(of: configuration)
    }

    private func token(
        for credentials: KeystoneCredentials, at address: WebAddress, _ deadline: Deadline
    ) throws(OpenStackError) -> KeystoneToken {
        let tokens: WebAddress
        do throws(AddressError) {
            tokens = try ServiceAddress.tokens(of: address)
        } catch {
            throw OpenStackError(.settings, "\(configuration.shownName): auth_url: \(error)")
        }
        // Without a scope, Keystone would make a token for the user's usual project of one that has its own.
        if case .token(let present) = credentials.method, credentials.scope == nil {
            return try described(present, at: tokens, credentials, deadline)
        }
        var request = HTTPRequest(.post, tokens, body: credentials.requestBody)
        request.headers = [HTTPHeader(checked: "Content-Type", "application/json"), Self.acceptsJSON]
        let answer = try caller.answer(to: request, isRepeatable: true, until: deadline)
        switch answer.status {
        case 200, 201:
            guard let secret = answer.headers.first("x-subject-token") else {
                throw OpenStackError(.malformed, "\(tokens) answered without a token: is it a Keystone?")
            }
            return try KeystoneToken(secret: secret, body: answer.body)
        case 403:
            // A cloud may forbid making tokens of tokens.
            if case .token(let present) = credentials.method {
                return try described(present, at: tokens, credentials, deadline)
            }
            throw refusal(answer, tokens, credentials)
        case 401: throw refusal(answer, tokens, credentials)
        case 404:
            // Keystone's word for a token that it does not know.
            if case .token = credentials.method, Self.isFromKeystone(answer.body) {
                throw refusal(answer, tokens, credentials)
            }
            throw error(answer, tokens, credentials)
        default: throw error(answer, tokens, credentials)
        }
    }

    /// The token that the user has, with what Keystone says of it.
    private func described(
        _ token: Secret, at tokens: WebAddress, _ credentials: KeystoneCredentials, _ deadline: Deadline
    ) throws(OpenStackError) -> KeystoneToken {
        let headers: [HTTPHeader]
        do throws(HTTPHeader.Malformed) {
            headers = [
                try HTTPHeader("X-Auth-Token", token.exposedText, isSecret: true),
                try HTTPHeader("X-Subject-Token", token.exposedText, isSecret: true), Self.acceptsJSON,
            ]
        } catch {
            throw OpenStackError(.settings, "\(configuration.shownName): the token has a line end in it")
        }
        let request = HTTPRequest(.get, tokens, headers: headers)
        let answer = try caller.answer(to: request, isRepeatable: true, until: deadline)
        switch answer.status {
        case 200...203: break
        case 401, 403, 404: throw refusal(answer, tokens, credentials)
        default: throw error(answer, tokens, credentials)
        }
        return try KeystoneToken(
            secret: token.exposedText, body: answer.body, issuedNowAt: caller.clock.date())
    }

    private func refusal(
        _ answer: HTTPAnswer, _ place: WebAddress, _ credentials: KeystoneCredentials
    ) -> OpenStackError {
        let words = ServiceText.message(in: answer.body, hiding: credentials.secrets).map { ": \($0)" } ?? ""
        let what =
            switch credentials.method {
            case .password: "user, password and project"
            case .applicationCredential: "the application credential"
            case .token: "the token; it may have ended, `openstack token issue` makes a new one"
            }
        return OpenStackError(
            .refused,
            "\(place) does not accept \(what) of \(configuration.shownName) (\(answer.status))\(words)")
    }

    private func error(
        _ answer: HTTPAnswer, _ place: WebAddress, _ credentials: KeystoneCredentials
    ) -> OpenStackError {
        guard answer.status != 404, answer.status != 410 else {
            return OpenStackError(
                .settings, "there is no Keystone v3 at \(place) (\(answer.status)): check auth_url")
        }
        return ServiceCaller.error(
            answer, doing: "asking for a token", at: place, hiding: credentials.secrets)
    }

    /// Whether an error is a Keystone's, and not that of a web server that knows nothing of tokens.
    private static func isFromKeystone(_ body: [UInt8]) -> Bool {
        body.count <= 64 << 10 && (try? JSONParser.parse(body))?.object?["error"]?.object != nil
    }

    private static let acceptsJSON = HTTPHeader(checked: "Accept", "application/json")
}
