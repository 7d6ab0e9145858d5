// The token that signs requests for an image's data.
// SPDX-License-Identifier: Apache-2.0

/// Signs the requests of a source with the session's token: those to the image service, and no others.
package struct GlanceCredentials: RequestCredentials {
    private let session: KeystoneSession

    package init(_ session: KeystoneSession) {
        self.session = session
    }

    package func headers(
        for origin: WebOrigin, until deadline: Deadline
    ) throws(TransportError) -> [HTTPHeader] {
        do throws(OpenStackError) {
            let access = try session.access(until: deadline)
            guard let token = access.token, access.endpoint.origin == origin else { return [] }
            return [HTTPHeader(checked: "X-Auth-Token", token.exposedText, isSecret: true)]
        } catch {
            throw error.asTransportError
        }
    }

    package var generation: Int { session.tokenCount }

    package func renew(after answer: Int, until deadline: Deadline) throws(TransportError) -> Bool {
        // 403 is said of images, not of tokens: a new one would be told the same.
        guard answer == 401 else { return false }
        do throws(OpenStackError) {
            return try session.renew(until: deadline)
        } catch {
            throw error.asTransportError
        }
    }
}
