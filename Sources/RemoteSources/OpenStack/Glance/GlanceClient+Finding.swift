// The image that a user names.
// SPDX-License-Identifier: Apache-2.0

extension GlanceClient {
    /// The image that `text` is the id or the name of. An id counts more than a name that looks like one.
    /// - Throws: `OpenStackError`; of kind `ambiguous` where several images have this name, with their ids.
    package func find(_ text: String, until deadline: Deadline) throws(OpenStackError) -> GlanceImage {
        guard GlanceImage.isID(text) else { return try image(named: text, until: deadline) }
        do throws(OpenStackError) {
            return try image(id: text, until: deadline)
        } catch {
            guard error.kind == .notFound else { throw error }
            return try image(named: text, orElse: error, until: deadline)
        }
    }

    private func image(
        named name: String, orElse first: OpenStackError, until deadline: Deadline
    ) throws(OpenStackError) -> GlanceImage {
        do throws(OpenStackError) {
            return try image(named: name, until: deadline)
        } catch {
            throw error.kind == .notFound ? first : error
        }
    }

    /// The one image with this name, byte for byte. Hidden images are found by their ids only.
    package func image(named name: String, until deadline: Deadline) throws(OpenStackError) -> GlanceImage {
        let found = try images(named: name, isHidden: false, until: deadline)
        if let image = found.first, found.count == 1 { return image }
        let shown = ServiceText.quotable(name)
        guard found.isEmpty else {
            let ids = found.map(\.id)
            let list =
                ids.prefix(20).joined(separator: ", ") + (ids.count > 20 ? " and \(ids.count - 20) more" : "")
            throw OpenStackError(
                .ambiguous(ids: ids),
                "\(ids.count) images of \(shownCloud) are named \(shown): choose one by its id: \(list)")
        }
        if let hidden = try images(named: name, isHidden: true, until: deadline).first {
            throw OpenStackError(
                .notFound, "image \(shown) of \(shownCloud) is hidden: name it by its id, \(hidden.id)")
        }
        throw OpenStackError(.notFound, "there is no image named \(shown) in \(shownCloud)")
    }

    /// The ids of all images with this name, byte for byte, that are not hidden.
    package func ids(ofImagesNamed name: String, until deadline: Deadline) throws(OpenStackError) -> [String]
    {
        try images(named: name, isHidden: false, until: deadline).map(\.id)
    }

    private func images(
        named name: String, isHidden: Bool, until deadline: Deadline
    ) throws(OpenStackError) -> [GlanceImage] {
        // What stands before a colon is an operator to the service.
        let value = name.contains(":") ? "eq:\(name)" : name
        let filter = name.isEmpty ? "" : "&name=\(ServiceAddress.queryValue(value))"
        let hidden = isHidden ? "&os_hidden=true" : ""
        return try images(matching: filter + hidden, until: deadline).filter { image in
            image.name.map { $0.utf8.elementsEqual(name.utf8) } ?? false
        }
    }
}
