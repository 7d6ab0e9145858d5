// Why an image's data cannot be read.
// SPDX-License-Identifier: Apache-2.0

extension GlanceImage {
    /// One sentence that says why there is nothing to read, and what to do; nil where there is. It is asked before the
    /// data is: some services never answer a request for the data of an image that has none.
    package var unusableReason: String? {
        switch status {
        case .active:
            guard byteCount == 0 else { return nil }
            return "\(shownName) is empty: it has 0 bytes"
        case .queued:
            return "\(shownName) is queued: no data was uploaded to it yet"
        case .incoming(let word):
            return "\(shownName) is being uploaded (\(ServiceText.quotable(word, upTo: 20))): "
                + "try again when its status is active"
        case .deactivated:
            return "\(shownName) is deactivated: an administrator has to reactivate it, "
                + "with `openstack image set --activate \(id)`"
        case .deleted: return "\(shownName) was deleted"
        case .killed: return "\(shownName) is killed: its upload failed, and it has to be uploaded again"
        case .unknown(let word):
            return
                "\(shownName) has the status \(ServiceText.quotable(word, upTo: 40)), which ovafs does not know: "
                + "only active images have data"
        }
    }

    /// - Throws: `OpenStackError` of kind `unusable` with `unusableReason`.
    package func requireData() throws(OpenStackError) {
        if let reason = unusableReason { throw OpenStackError(.unusable, reason) }
    }

    /// What it means that the first request for the data was answered with `status`, as a part of a sentence about the
    /// image; nil where it means nothing special.
    package func meaning(ofDataAnswer status: Int) -> String? {
        switch status {
        case 204:
            "there is no data behind it, although its status says so (204 No Content): the service's store has lost it"
        case 403: "it may not be downloaded (403): it was deactivated, or a rule of the cloud forbids it"
        case 404, 410: "it is no longer there: it was deleted, or is no longer shared with this project"
        default: nil
        }
    }
}

extension GlanceImage.Status {
    /// The service's word for it.
    package var word: String {
        switch self {
        case .active: "active"
        case .queued: "queued"
        case .incoming(let word), .unknown(let word): word
        case .deactivated: "deactivated"
        case .deleted: "deleted"
        case .killed: "killed"
        }
    }
}
