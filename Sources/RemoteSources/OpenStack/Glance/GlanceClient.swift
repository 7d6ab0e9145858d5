// The images of an image service.
// SPDX-License-Identifier: Apache-2.0

/// Asks an image service. Any thread may use it; each call waits for the network.
/// Spec: Image API v2.
package final class GlanceClient: Sendable {
    package let session: KeystoneSession
    var caller: ServiceCaller { session.caller }

    package init(_ session: KeystoneSession) {
        self.session = session
    }

    /// The image with `id`, also where it is hidden.
    /// - Throws: `OpenStackError`; of kind `notFound` where there is none that this project may see.
    package func image(id: String, until deadline: Deadline) throws(OpenStackError) -> GlanceImage {
        let id = try Self.checked(id)
        let answer = try answer(.get, "/v2/images/\(id)", doing: "looking at image \(id)", until: deadline) {
            $0 == 200 || $0 == 404
        }
        guard answer.status == 200 else {
            throw OpenStackError(
                .notFound,
                "there is no image \(id) in \(shownCloud): it was deleted, or belongs to another project")
        }
        let image = try GlanceImage(try Self.json(answer))
        guard image.id == id else {
            throw OpenStackError(
                .malformed, "the image service answered with image \(image.id), not with \(id)")
        }
        return image
    }

    /// Where the data of an image is.
    package func dataAddress(ofImage id: String, until deadline: Deadline) throws(OpenStackError)
        -> WebAddress
    {
        try address("/v2/images/\(try Self.checked(id))/file", at: try session.access(until: deadline))
    }

    /// What the image's data must not differ from, as the service says it now.
    /// - Throws: `OpenStackError`; of kind `notFound` where the image is gone, `unusable` where it has no data any more.
    package func version(ofImage id: String, until deadline: Deadline) throws(OpenStackError) -> ObjectVersion
    {
        let image = try image(id: id, until: deadline)
        try image.requireData()
        guard let version = image.version else {
            throw OpenStackError(
                .unusable, "\(image.shownName) has no size: the service does not know its data")
        }
        return version
    }

    /// The cloud, for messages.
    var shownCloud: String { session.configuration.shownName }

    /// What no message may show.
    func secrets(_ access: KeystoneSession.Access) -> [Secret] {
        let own: [Secret] =
            if case .keystone(_, let credentials) = session.configuration.identity {
                credentials.secrets
            } else { [] }
        return own + session.lateTokens + (access.token.map { [$0] } ?? [])
    }

    /// Only what is an id becomes a part of an address.
    static func checked(_ id: String) throws(OpenStackError) -> String {
        guard GlanceImage.isID(id) else {
            throw OpenStackError(.notFound, "\(ServiceText.quotable(id)) is no id of an image")
        }
        return id.lowercased()
    }

    static func json(_ answer: HTTPAnswer) throws(OpenStackError) -> JSONValue {
        do throws(JSONError) {
            return try JSONParser.parse(answer.body)
        } catch {
            throw OpenStackError(.malformed, "the image service answered with \(error)")
        }
    }
}

extension GlanceClient {
    func address(_ path: String, at access: KeystoneSession.Access) throws(OpenStackError) -> WebAddress {
        do throws(AddressError) {
            return try ServiceAddress.address(access.endpoint, path)
        } catch {
            throw OpenStackError(.settings, "the image service of \(shownCloud): \(error)")
        }
    }

    /// The answer to a request of this path, with a token; with a new one where the first was refused. Statuses that are
    /// not expected are errors.
    func answer(
        _ method: HTTPRequest.Method, _ path: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil,
        doing: String, until deadline: Deadline, expecting isExpected: (_ status: Int) -> Bool
    ) throws(OpenStackError) -> HTTPAnswer {
        var isSecondAttempt = false
        while true {
            let access = try session.access(until: deadline)
            let place = try address(path, at: access)
            let request = HTTPRequest(method, place, headers: try Self.headers(access) + headers, body: body)
            let answer = try caller.answer(
                to: request, isRepeatable: method == .get || method == .delete, until: deadline)
            if isExpected(answer.status) { return answer }
            if answer.status == 401, !isSecondAttempt,
                try session.renew(refused: access.token, until: deadline)
            {
                isSecondAttempt = true
                continue
            }
            throw ServiceCaller.error(answer, doing: doing, at: place, hiding: secrets(access))
        }
    }

    static func headers(_ access: KeystoneSession.Access) throws(OpenStackError) -> [HTTPHeader] {
        let accept = HTTPHeader(checked: "Accept", "application/json")
        guard let token = access.token else { return [accept] }
        do throws(HTTPHeader.Malformed) {
            return [accept, try HTTPHeader("X-Auth-Token", token.exposedText, isSecret: true)]
        } catch {
            throw OpenStackError(.settings, "the token has a line end in it")
        }
    }
}
