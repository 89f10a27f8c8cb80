// SPDX-License-Identifier: GPL-2.0
/*
 * Vital product data for a PCI device that has none:
 *
 *     modprobe nodedev_vpd device=0000:02:00.0 hex=82040044656d6f...
 *
 * The device gets a file "vpd" of the same mode as the kernel's own, with these bytes in it, until
 * the module is unloaded. Real product data are there before udev hears of the device; these come
 * later, so a change is announced.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pci.h>

#define LONGEST 4096

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "address of the PCI device, for example 0000:02:00.0");

static char *hex;
module_param(hex, charp, 0444);
MODULE_PARM_DESC(hex, "the product data, two hexadecimal digits for each byte");

static u8 content[LONGEST];
static size_t content_length;
static struct device *target;

static ssize_t vpd_read(struct file *file, struct kobject *kobject, struct bin_attribute *attribute,
			char *buffer, loff_t offset, size_t count)
{
	if (offset >= content_length)
		return 0;
	count = min_t(size_t, count, content_length - offset);
	memcpy(buffer, content + offset, count);
	return count;
}

static struct bin_attribute vpd_file = {
	.attr = { .name = "vpd", .mode = 0600 },
	.read = vpd_read,
};

static int __init nodedev_vpd_init(void)
{
	size_t digits = hex ? strlen(hex) : 0;
	int error;

	if (!device || !digits || digits % 2 || digits / 2 > LONGEST) {
		pr_err("nodedev_vpd: needs device= and hex= with 1 to %d bytes\n", LONGEST);
		return -EINVAL;
	}
	if (hex2bin(content, hex, digits / 2)) {
		pr_err("nodedev_vpd: hex= has something that is no hexadecimal digit\n");
		return -EINVAL;
	}
	content_length = digits / 2;

	target = bus_find_device_by_name(&pci_bus_type, NULL, device);
	if (!target) {
		pr_err("nodedev_vpd: there is no PCI device %s\n", device);
		return -ENODEV;
	}
	error = sysfs_create_bin_file(&target->kobj, &vpd_file);
	if (error) {
		put_device(target);
		return error;
	}
	kobject_uevent(&target->kobj, KOBJ_CHANGE);
	return 0;
}

static void __exit nodedev_vpd_exit(void)
{
	sysfs_remove_bin_file(&target->kobj, &vpd_file);
	kobject_uevent(&target->kobj, KOBJ_CHANGE);
	put_device(target);
}

module_init(nodedev_vpd_init);
module_exit(nodedev_vpd_exit);
MODULE_DESCRIPTION("Product data for a PCI device, for tests");
MODULE_LICENSE("GPL");
