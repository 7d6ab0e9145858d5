// What a raw file says of its disk through extended attributes.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import OVFPackage

extension ApplianceDisk {
    /// The attributes `user.ova.*`.
    var extendedAttributes: [ExtendedAttribute] {
        var values: [(name: String, value: String)] = [
            ("disk-id", identifier),
            ("format", formatName),
            ("virtual-size", String(source?.byteCount ?? 0)),
            ("stored-size", String(storedByteCount)),
        ]
        if !storedName.isEmpty { values.append(("file", String(displaying: storedName))) }
        values.append(("state", warnings.isEmpty ? "ok" : warnings.joined(separator: "; ")))
        return values.map { name, value in ExtendedAttribute("user.ova.\(name)") { value } }
    }
}
