// An image's data as something that can be read from afar.
// SPDX-License-Identifier: Apache-2.0

extension GlanceClient {
    /// What a source of the image's bytes is made from. With each renewal of the token, and once a minute of reading, the
    /// service is asked whether it is still the same image.
    /// - Throws: `OpenStackError`; of kind `unusable` where the image has no data.
    package func object(
        for image: GlanceImage, until deadline: Deadline
    ) throws(OpenStackError) -> RemoteObject {
        try image.requireData()
        var object = RemoteObject(
            try dataAddress(ofImage: image.id, until: deadline), named: image.shownName,
            credentials: GlanceCredentials(session), expectedVersion: image.version)
        object.security = session.configuration.security
        object.meaning = { image.meaning(ofDataAnswer: $0) }
        object.revalidate = { [self] deadline throws(TransportError) in
            do throws(OpenStackError) {
                return try version(ofImage: image.id, until: deadline)
            } catch {
                // An image that was deleted, or stopped, is no longer what was opened.
                guard error.kind != .notFound else { return nil }
                throw error.asTransportError
            }
        }
        return object
    }
}
