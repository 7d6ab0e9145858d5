// All images of an image service, page by page.
// SPDX-License-Identifier: Apache-2.0

extension GlanceClient {
    /// What is asked for at once; a service may give less.
    private static let pageSize = 200
    /// Bounds of a list: images, pages, and the bytes of all pages together. A server decides all three.
    static let imageLimit = 50_000
    static let pageLimit = 2_000
    static let byteLimit = 64 << 20

    /// All images that the project can see, in the service's order, each once.
    /// - Throws: `OpenStackError`; of kind `malformed` where the list has no end, or more than can be right.
    package func images(until deadline: Deadline) throws(OpenStackError) -> [GlanceImage] {
        try images(matching: "", until: deadline)
    }

    /// The images for a query such as `&name=x`.
    func images(matching query: String, until deadline: Deadline) throws(OpenStackError) -> [GlanceImage] {
        var images: [GlanceImage] = []
        var ids = Set<String>()
        var byteCount = 0
        var path = "/v2/images?limit=\(Self.pageSize)\(query)"
        for _ in 0..<Self.pageLimit {
            let answer = try answer(.get, path, doing: "listing images", until: deadline) { $0 == 200 }
            byteCount += answer.body.count
            guard byteCount <= Self.byteLimit else {
                throw Self.endless("more than \(Self.byteLimit >> 20) MiB of images")
            }
            let page = try GlancePage(try Self.json(answer))
            let before = images.count
            for image in page.images where ids.insert(image.id).inserted { images.append(image) }
            guard images.count <= Self.imageLimit else {
                throw Self.endless("more than \(Self.imageLimit) images")
            }
            // The link itself is not followed: it leaves out the path of the service's address, and may lead anywhere.
            guard page.hasMore, let last = page.images.last else { return images }
            guard images.count > before else {
                throw Self.endless("a list of images that goes round in circles")
            }
            path = "/v2/images?limit=\(Self.pageSize)\(query)&marker=\(last.id)"
        }
        throw Self.endless("more than \(Self.pageLimit) pages of images")
    }

    private static func endless(_ what: String) -> OpenStackError {
        OpenStackError(.malformed, "the image service answered with \(what): name one image instead")
    }
}

/// A page of a list.
/// Spec: Image API v2, "List images".
struct GlancePage {
    let images: [GlanceImage]
    /// Whether the service has a link to a next page.
    let hasMore: Bool

    init(_ value: JSONValue) throws(OpenStackError) {
        guard let object = value.object, let values = object["images"]?.array else {
            throw OpenStackError(
                .malformed, "the image service answered with a list of images that has no images in it")
        }
        var images: [GlanceImage] = []
        for value in values { images.append(try GlanceImage(value)) }
        self.images = images
        switch object["next"] {
        case nil, .null?: hasMore = false
        case let next?:
            // Without a last image there is no way to ask for more, and the list may not be all.
            guard let link = next.string, link.isEmpty || !images.isEmpty else {
                throw OpenStackError(
                    .malformed,
                    "the image service answered with a list of images that does not say how it goes on")
            }
            hasMore = !link.isEmpty
        }
    }
}
