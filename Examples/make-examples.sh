#!/bin/bash
# Makes the example packages, the same bytes every time on one Debian release.
# SPDX-License-Identifier: Apache-2.0
#
# usage: Examples/make-examples.sh [FOLDER]     (default: the folder of this script)
# Needs qemu-img, mkfs.ext4, debugfs, sfdisk, openssl and GNU tar; no root.
set -euo pipefail
export LC_ALL=C TZ=UTC
export SOURCE_DATE_EPOCH=1767225600 E2FSPROGS_FAKE_TIME=1767225600 # 2026-01-01 00:00:00

output=$(cd "${1:-$(dirname "$0")}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
PATH=$PATH:/usr/sbin:/sbin

# noise SEED BYTES: data that does not compress, always the same.
noise() {
    # openssl is cut off by head, which pipefail would call an error.
    { openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$1")" -iv 0 </dev/zero 2>/dev/null || true; } |
        head -c "$2"
}

# file_system FILE BYTES FOLDER LABEL NUMBER: an ext4 with the folder's files and no trace of when it was made.
file_system() {
    local file=$1 bytes=$2 folder=$3 label=$4 number=$5
    find "$folder" -exec touch --no-dereference --date=@$SOURCE_DATE_EPOCH {} +
    truncate --size "$bytes" "$file"
    local uuid
    uuid=$(printf '0fa50000-0000-4000-8000-%012d' "$number")
    mkfs.ext4 -q -F -b 1024 -m 0 -L "$label" -U "$uuid" -O ^has_journal,^resize_inode,^metadata_csum \
        -E "hash_seed=$uuid,lazy_itable_init=0,root_owner=0:0" -d "$folder" "$file"
    # mkfs copies owners, and times that cannot be set from outside.
    {
        (cd "$folder" && find . -printf '%P\n' | sort) | while IFS= read -r path; do
            for field in uid gid; do echo "set_inode_field \"/$path\" $field 0"; done
            for field in atime ctime mtime crtime; do
                echo "set_inode_field \"/$path\" $field @$SOURCE_DATE_EPOCH"
                echo "set_inode_field \"/$path\" ${field}_extra 0"
            done
        done
    } | debugfs -w -f - "$file" >/dev/null 2>&1
}

# vmdk RAW SUBFORMAT FILE CID: an image by qemu-img, whose content identifier is random until it is set here.
vmdk() {
    local raw=$1 subformat=$2 file=$3 cid=$4 sector count
    qemu-img convert -f raw -O vmdk -o "subformat=$subformat" "$raw" "$file"
    # The embedded descriptor: text, filled with zeros to the sectors that the header sets aside for it.
    read -r sector count < <(od --address-radix=n --format=u8 --skip-bytes=28 --read-bytes=16 "$file")
    dd if="$file" bs=512 skip="$sector" count="$count" status=none | tr -d '\0' |
        sed "s/^CID=.*/CID=$cid/" >descriptor.txt
    truncate --size $((count * 512)) descriptor.txt
    dd if=descriptor.txt of="$file" bs=512 seek="$sector" conv=notrunc status=none
    qemu-img convert -f vmdk -O raw "$file" decoded.raw
    cmp "$raw" decoded.raw
}

# digest RAW NAME: one line of SHA256SUMS, NAME being the path in a mounted example.
digest() {
    printf '%s  %s\n' "$(sha256sum <"$1" | cut -d' ' -f1)" "$2" >>SHA256SUMS
}

# manifest ALGORITHM FILE...: a package's manifest.
manifest() {
    local algorithm=$1 file
    shift
    for file; do
        printf '%s(%s)= %s\n' "$algorithm" "$file" "$(openssl dgst -r "-${algorithm,,}" "$file" | cut -d' ' -f1)"
    done
}

# archive FILE MEMBER...
archive() {
    local file=$1
    shift
    tar --create --file "$file" --format=ustar --owner=someone:64 --group=someone:64 --mode=644 \
        --mtime=@$SOURCE_DATE_EPOCH "$@"
}

stored_size() { stat --format=%s "$1"; }

# 1. web-server.ova: as VMware writes one. Disk 1 has a GPT with a small ext4, disk 2 an MBR; SHA256.
mkdir -p web/etc web/srv/www 'web/usr/share/doc' data/archive
printf 'web-server\n' >web/etc/hostname
printf 'NAME="ovafs example"\nID=example\nVERSION_ID=1\n' >web/etc/os-release
printf '<!doctype html>\n<title>It works</title>\n<p>Read from a compressed disk inside an appliance, with nothing unpacked.\n' \
    >web/srv/www/index.html
seq --format='Line %.0f of a text that compresses well.' 20000 >web/usr/share/doc/long.txt
noise 1 300000 >web/srv/www/photo.bin
ln -s ../srv/www/index.html web/etc/index.html
noise 2 150000 >data/archive/2025.bin
seq 1 50000 >data/archive/numbers.txt

file_system root.ext4 $((24 << 20)) web root 1
truncate --size $((64 << 20)) web-server-disk1.raw
sfdisk --quiet web-server-disk1.raw <<'TABLE'
label: gpt
label-id: 0FA50000-0000-4000-8000-000000000010
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, uuid=0FA50000-0000-4000-8000-000000000011, name="boot"
start=4096, size=49152, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=0FA50000-0000-4000-8000-000000000012, name="root"
TABLE
dd if=root.ext4 of=web-server-disk1.raw bs=1M seek=2 conv=notrunc,sparse status=none

file_system data.ext4 $((12 << 20)) data data 2
truncate --size $((32 << 20)) web-server-disk2.raw
sfdisk --quiet web-server-disk2.raw <<'TABLE'
label: dos
label-id: 0x0fa50002
start=2048, size=24576, type=83
TABLE
dd if=data.ext4 of=web-server-disk2.raw bs=1M seek=1 conv=notrunc,sparse status=none

for disk in 1 2; do
    vmdk web-server-disk$disk.raw streamOptimized web-server-disk$disk.vmdk 0fa5000$disk
    digest web-server-disk$disk.raw web-server/web-server-disk$disk.raw
done
cat >web-server.ovf <<XML
<?xml version="1.0" encoding="UTF-8"?>
<Envelope vmw:buildId="build-1" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <References>
    <File ovf:href="web-server-disk1.vmdk" ovf:id="file1" ovf:size="$(stored_size web-server-disk1.vmdk)"/>
    <File ovf:href="web-server-disk2.vmdk" ovf:id="file2" ovf:size="$(stored_size web-server-disk2.vmdk)"/>
  </References>
  <DiskSection>
    <Info>Virtual disk information</Info>
    <Disk ovf:capacity="64" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
    <Disk ovf:capacity="32" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk2" ovf:fileRef="file2" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <NetworkSection>
    <Info>The list of logical networks</Info>
    <Network ovf:name="VM Network">
      <Description>The VM Network network</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="web-server">
    <Info>A virtual machine</Info>
    <Name>web-server</Name>
    <OperatingSystemSection ovf:id="96" vmw:osType="debian12_64Guest">
      <Info>The kind of installed guest operating system</Info>
      <Description>Debian GNU/Linux 12 (64-bit)</Description>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware requirements</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>web-server</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>vmx-19</vssd:VirtualSystemType>
      </System>
      <Item>
        <rasd:AllocationUnits>hertz * 10^6</rasd:AllocationUnits>
        <rasd:Description>Number of Virtual CPUs</rasd:Description>
        <rasd:ElementName>2 virtual CPU(s)</rasd:ElementName>
        <rasd:InstanceID>1</rasd:InstanceID>
        <rasd:ResourceType>3</rasd:ResourceType>
        <rasd:VirtualQuantity>2</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>
        <rasd:Description>Memory Size</rasd:Description>
        <rasd:ElementName>2048MB of memory</rasd:ElementName>
        <rasd:InstanceID>2</rasd:InstanceID>
        <rasd:ResourceType>4</rasd:ResourceType>
        <rasd:VirtualQuantity>2048</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:Address>0</rasd:Address>
        <rasd:Description>SCSI Controller</rasd:Description>
        <rasd:ElementName>SCSI Controller 0</rasd:ElementName>
        <rasd:InstanceID>3</rasd:InstanceID>
        <rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType>
        <rasd:ResourceType>6</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AddressOnParent>0</rasd:AddressOnParent>
        <rasd:ElementName>Hard Disk 1</rasd:ElementName>
        <rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource>
        <rasd:InstanceID>4</rasd:InstanceID>
        <rasd:Parent>3</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AddressOnParent>1</rasd:AddressOnParent>
        <rasd:ElementName>Hard Disk 2</rasd:ElementName>
        <rasd:HostResource>ovf:/disk/vmdisk2</rasd:HostResource>
        <rasd:InstanceID>5</rasd:InstanceID>
        <rasd:Parent>3</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AddressOnParent>7</rasd:AddressOnParent>
        <rasd:AutomaticAllocation>true</rasd:AutomaticAllocation>
        <rasd:Connection>VM Network</rasd:Connection>
        <rasd:ElementName>Ethernet 1</rasd:ElementName>
        <rasd:InstanceID>6</rasd:InstanceID>
        <rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType>
        <rasd:ResourceType>10</rasd:ResourceType>
      </Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
XML
manifest SHA256 web-server.ovf web-server-disk1.vmdk web-server-disk2.vmdk >web-server.mf
archive web-server.ova web-server.ovf web-server.mf web-server-disk1.vmdk web-server-disk2.vmdk

# 2. lab-vm.ova: as VirtualBox writes one. One IDE disk, settings of its own in the descriptor, SHA1.
mkdir lab
printf 'lab\n' >lab/hostname
noise 3 200000 >lab/measurements.bin
file_system lab.ext4 $((8 << 20)) lab lab 3
truncate --size $((16 << 20)) lab-vm-disk001.raw
sfdisk --quiet lab-vm-disk001.raw <<'TABLE'
label: dos
label-id: 0x0fa50003
start=2048, size=16384, type=83, bootable
TABLE
dd if=lab.ext4 of=lab-vm-disk001.raw bs=1M seek=1 conv=notrunc,sparse status=none
vmdk lab-vm-disk001.raw streamOptimized lab-vm-disk001.vmdk 0fa50003
digest lab-vm-disk001.raw lab-vm/lab-vm-disk001.raw
cat >lab-vm.ovf <<'XML'
<?xml version="1.0"?>
<Envelope ovf:version="1.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:vbox="http://www.virtualbox.org/ovf/machine">
  <References>
    <File ovf:id="file1" ovf:href="lab-vm-disk001.vmdk"/>
  </References>
  <DiskSection>
    <Info>List of the virtual disks used in the package</Info>
    <Disk ovf:capacity="16777216" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized" vbox:uuid="0fa50000-0000-4000-8000-000000000031"/>
  </DiskSection>
  <NetworkSection>
    <Info>Logical networks used in the package</Info>
    <Network ovf:name="NAT">
      <Description>Logical network used by this appliance.</Description>
    </Network>
  </NetworkSection>
  <VirtualSystem ovf:id="lab-vm">
    <Info>A virtual machine</Info>
    <OperatingSystemSection ovf:id="96">
      <Info>The kind of installed guest operating system</Info>
      <Description>Debian_64</Description>
      <vbox:OSType ovf:required="false">Debian_64</vbox:OSType>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware requirements for a virtual machine</Info>
      <System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemIdentifier>lab-vm</vssd:VirtualSystemIdentifier>
        <vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType>
      </System>
      <Item>
        <rasd:Caption>1 virtual CPU</rasd:Caption>
        <rasd:ElementName>1 virtual CPU</rasd:ElementName>
        <rasd:InstanceID>1</rasd:InstanceID>
        <rasd:ResourceType>3</rasd:ResourceType>
        <rasd:VirtualQuantity>1</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:AllocationUnits>MegaBytes</rasd:AllocationUnits>
        <rasd:Caption>512 MB of memory</rasd:Caption>
        <rasd:ElementName>512 MB of memory</rasd:ElementName>
        <rasd:InstanceID>2</rasd:InstanceID>
        <rasd:ResourceType>4</rasd:ResourceType>
        <rasd:VirtualQuantity>512</rasd:VirtualQuantity>
      </Item>
      <Item>
        <rasd:Address>0</rasd:Address>
        <rasd:Caption>ideController0</rasd:Caption>
        <rasd:ElementName>ideController0</rasd:ElementName>
        <rasd:InstanceID>3</rasd:InstanceID>
        <rasd:ResourceSubType>PIIX4</rasd:ResourceSubType>
        <rasd:ResourceType>5</rasd:ResourceType>
      </Item>
      <Item>
        <rasd:AddressOnParent>0</rasd:AddressOnParent>
        <rasd:Caption>disk1</rasd:Caption>
        <rasd:ElementName>disk1</rasd:ElementName>
        <rasd:HostResource>/disk/vmdisk1</rasd:HostResource>
        <rasd:InstanceID>4</rasd:InstanceID>
        <rasd:Parent>3</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </Item>
    </VirtualHardwareSection>
    <vbox:Machine ovf:required="false" version="1.19-linux" uuid="{0fa50000-0000-4000-8000-000000000032}" name="lab-vm" OSType="Debian_64" lastStateChange="2026-01-01T00:00:00Z">
      <ovf:Info>Complete VirtualBox machine configuration in VirtualBox format</ovf:Info>
    </vbox:Machine>
  </VirtualSystem>
</Envelope>
XML
manifest SHA1 lab-vm.ovf lab-vm-disk001.vmdk >lab-vm.mf
archive lab-vm.ova lab-vm.ovf lab-vm-disk001.vmdk lab-vm.mf

# 3. odd-folder/: a folder package. A monolithicSparse disk under a name with a space, a raw disk in pieces,
#    a disk without a file, and a file that is no disk.
mkdir odd-folder
truncate --size $((4 << 20)) 'system disk.raw'
noise 4 70000 | dd of='system disk.raw' bs=64K seek=3 conv=notrunc status=none
noise 5 30000 | dd of='system disk.raw' bs=64K seek=40 conv=notrunc status=none
vmdk 'system disk.raw' monolithicSparse 'odd-folder/system disk.vmdk' 0fa50004
digest 'system disk.raw' 'odd-folder/system disk.raw'
noise 6 196608 >pieces.raw
split --bytes=65536 --numeric-suffixes --suffix-length=9 pieces.raw odd-folder/pieces.img.
digest pieces.raw odd-folder/pieces.raw
truncate --size $((8 << 20)) scratch.raw
digest scratch.raw odd-folder/scratch.raw
printf 'Not a disk; shown as it is.\n' >odd-folder/notes.txt
cat >odd-folder/odd-folder.ovf <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData" xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
  <ovf:References>
    <ovf:File ovf:id="system" ovf:href="system%20disk.vmdk"/>
    <ovf:File ovf:id="pieces" ovf:href="pieces.img" ovf:size="196608" ovf:chunkSize="65536"/>
    <ovf:File ovf:id="notes" ovf:href="notes.txt"/>
  </ovf:References>
  <ovf:DiskSection>
    <ovf:Info>Three disks, one of which starts empty and so has no file</ovf:Info>
    <ovf:Disk ovf:diskId="system" ovf:fileRef="system" ovf:capacity="4" ovf:capacityAllocationUnits="byte * 2^20" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#sparse"/>
    <ovf:Disk ovf:diskId="pieces" ovf:fileRef="pieces" ovf:capacity="196608" ovf:format="http://www.gnome.org/~markmc/qcow-image-format.html"/>
    <ovf:Disk ovf:diskId="scratch" ovf:capacity="8" ovf:capacityAllocationUnits="MegaBytes"/>
  </ovf:DiskSection>
  <ovf:VirtualSystem ovf:id="odd">
    <ovf:Info>A package of things that are allowed and seldom seen</ovf:Info>
    <ovf:Name>odd</ovf:Name>
    <ovf:VirtualHardwareSection>
      <ovf:Info>Three disks on one SCSI controller</ovf:Info>
      <ovf:System>
        <vssd:ElementName>Virtual Hardware Family</vssd:ElementName>
        <vssd:InstanceID>0</vssd:InstanceID>
        <vssd:VirtualSystemType>vmx-13 qemu</vssd:VirtualSystemType>
      </ovf:System>
      <ovf:Item>
        <rasd:Address>0</rasd:Address>
        <rasd:ElementName>SCSI controller</rasd:ElementName>
        <rasd:InstanceID>1</rasd:InstanceID>
        <rasd:ResourceSubType>lsilogic</rasd:ResourceSubType>
        <rasd:ResourceType>6</rasd:ResourceType>
      </ovf:Item>
      <ovf:Item>
        <rasd:AddressOnParent>0</rasd:AddressOnParent>
        <rasd:ElementName>System</rasd:ElementName>
        <rasd:HostResource>ovf:/disk/system</rasd:HostResource>
        <rasd:InstanceID>2</rasd:InstanceID>
        <rasd:Parent>1</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </ovf:Item>
      <ovf:Item>
        <rasd:AddressOnParent>1</rasd:AddressOnParent>
        <rasd:ElementName>Pieces</rasd:ElementName>
        <rasd:HostResource>/disk/pieces</rasd:HostResource>
        <rasd:InstanceID>3</rasd:InstanceID>
        <rasd:Parent>1</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </ovf:Item>
      <ovf:Item>
        <rasd:AddressOnParent>2</rasd:AddressOnParent>
        <rasd:ElementName>Scratch</rasd:ElementName>
        <rasd:HostResource>ovf://disk/scratch</rasd:HostResource>
        <rasd:InstanceID>4</rasd:InstanceID>
        <rasd:Parent>1</rasd:Parent>
        <rasd:ResourceType>17</rasd:ResourceType>
      </ovf:Item>
    </ovf:VirtualHardwareSection>
  </ovf:VirtualSystem>
</ovf:Envelope>
XML
touch --date=@$SOURCE_DATE_EPOCH odd-folder/* odd-folder

rm -rf "$output/odd-folder"
cp --preserve=timestamps -R web-server.ova lab-vm.ova odd-folder "$output/"
cp SHA256SUMS "$output/"
