// The images of a cloud as the folders of a root.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
package import FileTree
package import RemoteSources

/// Lists the images of a service, and opens one when its folder is first entered. Any thread may use it.
package final class ImageCatalogue: FolderCatalogue {
    /// The images that the service has now.
    package typealias Listing = @Sendable (Deadline) throws(OpenStackError) -> [GlanceImage]
    /// Opens an image, whose data is to be what was listed.
    package typealias Opening = @Sendable (CatalogueImage, Deadline) throws(FolderFailure) -> OpenFolder

    /// How long a list is good, in seconds.
    package static let usualListLifetime = 60.0

    package let firstList: FolderList
    package let listLifetime: Double
    package let openingTimeLimit: Double
    private let list: Listing
    private let opening: Opening
    private let listing: SleepingMutex<CatalogueListing>

    /// Lists the images for the first time.
    ///
    /// - Parameters:
    ///   - timeLimit: How long a listing may take, and an opening, in seconds.
    ///   - listLifetime: How long a list is good, in seconds.
    ///   - list: Lists.
    ///   - opening: Opens.
    /// - Throws: `OpenStackError` where the images cannot be listed.
    package init(
        timeLimit: Double, listLifetime: Double = usualListLifetime, list: @escaping Listing,
        opening: @escaping Opening
    ) throws(OpenStackError) {
        let images = try list(Deadline(after: timeLimit))
        let first: CatalogueListing
        do throws(FolderFailure) {
            first = try CatalogueListing().next(images)
        } catch {
            throw OpenStackError(.malformed, error.description)
        }
        listing = SleepingMutex(first)
        firstList = first.folders
        self.listLifetime = listLifetime
        openingTimeLimit = timeLimit
        self.list = list
        self.opening = opening
    }

    package func renewedList() throws(FolderFailure) -> FolderList {
        let images: [GlanceImage]
        do throws(OpenStackError) {
            images = try list(Deadline(at: PatientRead.currentStartTime + openingTimeLimit))
        } catch {
            throw FolderFailure(error)
        }
        // There is one renewal at a time.
        let next = try listing.withLock { $0 }.next(images)
        listing.withLock { $0 = next }
        return next.folders
    }

    package func open(_ folder: Folder) throws(FolderFailure) -> OpenFolder {
        guard let image = listing.withLock({ $0.image(of: folder) }) else {
            throw FolderFailure(.gone, "it is not listed any more")
        }
        let deadline = Deadline(at: PatientRead.currentStartTime + openingTimeLimit)
        do throws(FolderFailure) {
            return try opening(image, deadline)
        } catch {
            guard error.kind == .unreadable, deadline.hasPassed() else { throw error }
            let seconds = Int(min(max(0, openingTimeLimit), 1e9))
            throw FolderFailure(
                .unreadable,
                "not opened within \(seconds) s (\(error)): mount glance:\(image.id) by itself, or with a longer timeout="
            )
        }
    }
}

extension FolderFailure {
    /// What an answer of a cloud means for a folder.
    package init(_ error: OpenStackError) {
        let kind: Kind =
            switch error.kind {
            case .refused: .refused
            case .notFound: .gone
            default: .unreadable
            }
        self.init(kind, error.description)
    }
}
