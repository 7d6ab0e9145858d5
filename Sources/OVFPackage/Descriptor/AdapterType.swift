// The controllers that a disk can be attached to, in Nova's words.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// An adapter type as Nova spells it in `vmware_adaptertype`.
package enum AdapterType: String, Sendable {
    case busLogic
    case lsiLogic
    case lsiLogicsas
    case paraVirtual
    case ide

    /// A SCSI controller's `ResourceSubType`, case ignored; nil where it is not known.
    package init?(subtype: String) {
        switch ASCIIWord(folding: subtype) {
        case "buslogic": self = .busLogic
        case "lsilogic": self = .lsiLogic
        case "lsilogicsas": self = .lsiLogicsas
        case "virtualscsi", "pvscsi": self = .paraVirtual
        default: return nil
        }
    }

    /// `ddb.adapterType` of a VMDK descriptor; nil where it is not known.
    package init?(vmdkDescriptor value: String) {
        switch ASCIIWord(folding: value) {
        case "ide": self = .ide
        // What VMware wrote for any SCSI disk before it wrote the controller.
        case "legacyesx": self = .busLogic
        default: self.init(subtype: value)
        }
    }
}
