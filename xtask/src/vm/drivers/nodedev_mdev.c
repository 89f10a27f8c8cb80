// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI driver whose devices can make mediated devices, as real ones do: the PCI device itself is the
 * parent, and only while this driver is bound to it.
 *
 *     modprobe nodedev_mdev                      takes QEMU's "edu" devices
 *     bind-driver nodedev_mdev 0000:02:00.0      takes any other
 *
 * Two types share the room of a card: eight of nodedev_mdev-small, or two of nodedev_mdev-large, or
 * one large and four small. A mediated device has no regions and does nothing when opened. It can be
 * unbound, but as with every driver of such devices the kernel binds none again.
 */
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio.h>

#define NAME "nodedev_mdev"
#define ROOM 8

struct card {
	struct mdev_parent parent;
	struct mdev_type small;
	struct mdev_type large;
	struct mdev_type *types[2];
	/* What is left of ROOM. */
	atomic_t room;
};

struct instance {
	struct vfio_device vdev;
	struct card *card;
	int size;
};

static int size_of(struct mdev_type *type)
{
	return strcmp(type->sysfs_name, "large") ? 1 : 4;
}

static struct card *card_of(struct mdev_type *type)
{
	return container_of(type->parent, struct card, parent);
}

static int instance_init(struct vfio_device *vdev)
{
	struct instance *instance = container_of(vdev, struct instance, vdev);
	struct mdev_device *mdev = to_mdev_device(vdev->dev);
	int size = size_of(mdev->type);
	struct card *card = card_of(mdev->type);

	if (atomic_sub_return(size, &card->room) < 0) {
		atomic_add(size, &card->room);
		return -ENOSPC;
	}
	instance->card = card;
	instance->size = size;
	return 0;
}

static void instance_release(struct vfio_device *vdev)
{
	struct instance *instance = container_of(vdev, struct instance, vdev);

	atomic_add(instance->size, &instance->card->room);
	vfio_free_device(vdev);
}

static int instance_open(struct vfio_device *vdev)
{
	return 0;
}

static void instance_close(struct vfio_device *vdev)
{
}

static long instance_ioctl(struct vfio_device *vdev, unsigned int command, unsigned long argument)
{
	struct vfio_device_info info = { .flags = VFIO_DEVICE_FLAGS_PCI };
	size_t least = offsetofend(struct vfio_device_info, num_irqs);

	if (command != VFIO_DEVICE_GET_INFO)
		return -ENOTTY;
	info.argsz = least;
	return copy_to_user((void __user *)argument, &info, least) ? -EFAULT : 0;
}

static const struct vfio_device_ops instance_ops = {
	.name = NAME,
	.init = instance_init,
	.release = instance_release,
	.open_device = instance_open,
	.close_device = instance_close,
	.ioctl = instance_ioctl,
};

static int instance_probe(struct mdev_device *mdev)
{
	struct instance *instance;
	int error;

	instance = vfio_alloc_device(instance, vdev, &mdev->dev, &instance_ops);
	if (IS_ERR(instance))
		return PTR_ERR(instance);
	error = vfio_register_emulated_iommu_dev(&instance->vdev);
	if (error) {
		vfio_put_device(&instance->vdev);
		return error;
	}
	dev_set_drvdata(&mdev->dev, instance);
	return 0;
}

static void instance_remove(struct mdev_device *mdev)
{
	struct instance *instance = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&instance->vdev);
	vfio_put_device(&instance->vdev);
}

static unsigned int type_available(struct mdev_type *type)
{
	return atomic_read(&card_of(type)->room) / size_of(type);
}

static ssize_t type_description(struct mdev_type *type, char *buffer)
{
	return sysfs_emit(buffer, "one of %d parts of the card\n", ROOM / size_of(type));
}

static struct mdev_driver instance_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.driver = {
		.name = NAME,
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
	.probe = instance_probe,
	.remove = instance_remove,
	.get_available = type_available,
	.show_description = type_description,
};

static int card_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct card *card = kzalloc(sizeof(*card), GFP_KERNEL);
	int error;

	if (!card)
		return -ENOMEM;
	card->small.sysfs_name = "small";
	card->small.pretty_name = "A small part";
	card->large.sysfs_name = "large";
	card->large.pretty_name = "A large part";
	card->types[0] = &card->small;
	card->types[1] = &card->large;
	atomic_set(&card->room, ROOM);

	error = mdev_register_parent(&card->parent, &pdev->dev, &instance_driver, card->types,
				     ARRAY_SIZE(card->types));
	if (error) {
		kfree(card);
		return error;
	}
	pci_set_drvdata(pdev, card);
	return 0;
}

static void card_remove(struct pci_dev *pdev)
{
	struct card *card = pci_get_drvdata(pdev);

	mdev_unregister_parent(&card->parent);
	kfree(card);
}

/*
 * No MODULE_DEVICE_TABLE: udev must not load this module for the device by itself, since the class
 * mdev_bus appears with the first parent.
 */
static const struct pci_device_id card_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};

static struct pci_driver card_driver = {
	.name = NAME,
	.id_table = card_ids,
	.probe = card_probe,
	.remove = card_remove,
};

static int __init nodedev_mdev_init(void)
{
	int error = mdev_register_driver(&instance_driver);

	if (error)
		return error;
	error = pci_register_driver(&card_driver);
	if (error)
		mdev_unregister_driver(&instance_driver);
	return error;
}

static void __exit nodedev_mdev_exit(void)
{
	pci_unregister_driver(&card_driver);
	mdev_unregister_driver(&instance_driver);
}

module_init(nodedev_mdev_init);
module_exit(nodedev_mdev_exit);
MODULE_DESCRIPTION("Mediated devices inside a PCI device, for tests");
MODULE_LICENSE("GPL");
